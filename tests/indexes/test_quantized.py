import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st

from tests.oracles.topk import top_k
from tfrs_ext._keras import keras
from tfrs_ext.indexes import Exact, Quantized

rng = np.random.default_rng(0)


def vectors(rows, width=16):
    return rng.normal(size=(rows, width)).astype(np.float32) * rng.lognormal(size=(rows, 1)).astype(
        "f"
    )


def rounded(candidates):
    """Candidates as eight bits and a scale hold them, in float64."""
    scale = np.abs(candidates).max(axis=1, keepdims=True) / np.float32(127)
    return np.rint(candidates / np.where(scale == 0, 1, scale)) * scale.astype(np.float64)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    corpus=st.sampled_from([1, 2, 127, 128, 700, 1024]),
    k=st.sampled_from([1, 3, 5000]),
    block_size=st.sampled_from([128, 640, 10**6]),
    tensor_k=st.booleans(),
)
def test_finds_the_best_of_the_rounded_candidates(corpus, k, block_size, tensor_k):
    candidates, queries = vectors(corpus), vectors(2)
    index = Quantized(block_size=block_size).index(candidates)
    scores, rows = index(queries, k=tf.constant(k) if tensor_k else k)
    true = queries.astype(np.float64) @ rounded(candidates).T
    expected = -np.sort(-true, axis=1)[:, :k]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        np.take_along_axis(true, rows.numpy(), 1), expected, rtol=1e-4, atol=1e-4
    )
    assert all(len(set(row)) == len(row) for row in rows.numpy().tolist())


def test_scores_are_within_the_stated_bound_of_the_true_ones():
    candidates, queries = vectors(500), vectors(20)
    scores, rows = Quantized(k=500).index(candidates)(queries)
    true = np.take_along_axis(queries @ candidates.T, rows.numpy(), 1)
    scale = np.abs(candidates).max(axis=1)[rows.numpy()] / 127
    bound = 16 * scale * np.abs(queries).max(axis=1, keepdims=True) / 2
    assert np.all(np.abs(scores - true) <= bound + 1e-4)


def test_recall_of_the_best_100_is_near_one():
    candidates, queries = vectors(3000, 64), vectors(30, 64)
    found = Quantized(k=100).index(candidates)(queries)[1].numpy()
    true = top_k(queries, candidates, 100)
    assert np.mean([np.isin(t, f).mean() for t, f in zip(true, found, strict=True)]) > 0.98


def test_a_quarter_of_the_memory_and_a_scale_each():
    def held(index):
        return sum(w.dtype.size * w.shape.num_elements() for w in index.weights if w.shape.rank)

    candidates = vectors(1000, 64)
    exact, quantized = (held(kind().index(candidates)) for kind in (Exact, Quantized))
    ids = 1000 * 4
    assert quantized - ids == (exact - ids) // 4 + 1000 * 4


def test_excluded_ids_never_come_back_and_zeros_are_zeros():
    candidates = np.eye(4, dtype=np.float32)
    candidates[3] = 0
    index = Quantized(k=3).index(candidates, ["a", "b", "c", "zero"])
    query = np.array([[3.0, 2.0, 1.0, 9.0]], np.float32)
    scores, ids = index.query_with_exclusions(query, [["a"]])
    assert ids.numpy().tolist() == [[b"b", b"c", b"zero"]]
    assert scores.numpy().tolist() == [[2, 1, 0]]
    embedded = index.embeddings(tf.constant([0, 3, -1])).numpy()
    assert embedded.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("name", ["model.keras", "saved_model"])
def test_saved_index_answers_the_same(tmp_path, name):
    candidates = vectors(300)
    index = Quantized(k=3, block_size=128).index(candidates, [f"i{i}" for i in range(300)])
    expected = index(candidates[:2])
    index.save(str(tmp_path / name))
    restored = keras.models.load_model(str(tmp_path / name))
    for ours, theirs in zip(expected, restored(candidates[:2]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_indexing_again_leaves_nothing_behind():
    index = Quantized(k=3).index(vectors(50))
    index.predict(vectors(1), verbose=0)
    index.index(vectors(4))
    assert index.predict(vectors(1), verbose=0)[1].shape == (1, 3)
    assert sorted(tuple(w.shape) for w in index.weights if w.shape.rank) == [(4,), (4,), (4, 16)]


def test_bad_questions_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="`index` must be called"):
        Quantized()(vectors(1))
    with pytest.raises(ValueError, match="`block_size` must be at least"):
        Quantized(block_size=1)
    assert not Quantized().is_exact()
