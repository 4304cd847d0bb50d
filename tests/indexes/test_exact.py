import subprocess
import sys

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs
from hypothesis import strategies as st

from tests.oracles.topk import top_k
from tfrs_ext._keras import keras
from tfrs_ext.indexes import Exact

rng = np.random.default_rng(0)


def whole_numbers(rows, width=4):
    """Vectors whose dot products are exact, with many ties."""
    return rng.integers(-3, 4, size=(rows, width)).astype(np.float32)


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    corpus=st.sampled_from([1, 2, 127, 128, 700, 1024, 3000]),
    k=st.sampled_from([1, 3, 600, 5000]),
    block_size=st.sampled_from([128, 640, 10**6]),
    tensor_k=st.booleans(),
)
def test_finds_what_sorting_finds_ties_in_corpus_order(corpus, k, block_size, tensor_k):
    candidates, queries = whole_numbers(corpus), whole_numbers(2)
    index = Exact(block_size=block_size).index(candidates)
    scores, rows = index(queries, k=tf.constant(k) if tensor_k else k)
    expected = top_k(queries, candidates, k)
    assert rows.numpy().tolist() == expected
    np.testing.assert_array_equal(
        scores, np.take_along_axis(queries @ candidates.T, np.array(expected), 1)
    )


def test_agrees_with_brute_force_of_tfrs():
    candidates, queries = rng.normal(size=(500, 8)).astype("f"), rng.normal(size=(7, 8)).astype("f")
    names = tf.constant([f"item {i}" for i in range(500)])
    peer = tfrs.layers.factorized_top_k.BruteForce(k=9).index(candidates, names)
    ours = Exact(k=9).index(candidates, names)
    np.testing.assert_allclose(ours(queries)[0], peer(queries)[0], rtol=1e-5)
    np.testing.assert_array_equal(ours(queries)[1], peer(queries)[1])


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.string])
def test_excluded_ids_never_come_back_even_when_few_are_left(dtype):
    candidates, queries = whole_numbers(6), whole_numbers(2)
    ids = tf.constant([f"{i}" for i in range(6)]) if dtype == tf.string else tf.range(6)
    ids = tf.cast(ids, dtype)
    index = Exact(k=4).index(candidates, ids)
    banned = [[0, 1, 2, 5], [3, 3, 4, 4]]
    scores, found = index.query_with_exclusions(queries, tf.gather(ids, banned))
    expected = top_k(queries, candidates, 4, banned)
    padding = b"" if dtype == tf.string else -1
    padded = [tf.gather(ids, row).numpy().tolist() + [padding] * (4 - len(row)) for row in expected]
    assert found.numpy().tolist() == padded
    assert scores.numpy()[0, 2:].tolist() == [tf.float32.min] * 2


def test_index_from_dataset_reads_ids_and_embeddings_in_batches():
    candidates = whole_numbers(10)
    data = tf.data.Dataset.from_tensor_slices(([f"i{i}" for i in range(10)], candidates)).batch(3)
    ids = Exact(k=10).index_from_dataset(data)(candidates[:1])[1].numpy()
    assert [int(i[1:]) for i in ids[0]] == top_k(candidates[:1], candidates, 10)[0]


def test_index_from_dataset_reads_embeddings_alone_and_refuses_what_does_not_fit():
    candidates = whole_numbers(10)
    index = Exact(k=3).index_from_dataset(tf.data.Dataset.from_tensor_slices(candidates).batch(4))
    assert index(candidates[:1])[1].numpy().tolist() == top_k(candidates[:1], candidates, 3)
    with pytest.raises(ValueError, match="at least one row, received none"):
        Exact().index_from_dataset([])
    with pytest.raises(ValueError, match=r"batches \[B, 4\], received shape=\(2, 3\)"):
        Exact().index_from_dataset([np.ones((2, 4)), np.ones((2, 3))])


MEMORY = """
import pathlib, threading
import numpy as np
from tfrs_ext.indexes import Exact
import tensorflow as tf
def held():
    # Without mapped files, whose pages the system drops where it needs them.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024
def watch():
    while not done.wait(0.002):
        seen.append(held())
Exact().index_from_dataset(np.ones((1, 200, 64), np.float32))
done, seen = threading.Event(), [held()]
watcher = threading.Thread(target=watch)
watcher.start()
index = Exact().index_from_dataset(np.ones((20_000, 64), np.float32) for _ in range(40))
done.set()
watcher.join()
print((max(seen) - seen[0]) / (40 * 20_000 * 64 * 4 / 2**20))
"""


@pytest.mark.slow
def test_index_from_dataset_holds_the_corpus_at_most_twice():
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert float(run.stdout) < 2.5


def test_query_model_embeds_raw_features_and_fit_in_predict():
    table = keras.layers.Embedding(5, 4)
    model = keras.Sequential([keras.Input((), dtype=tf.int64), table])
    index = Exact(query_model=model, k=2).index(whole_numbers(9))
    _, rows = index(tf.constant([3, 1]))
    assert rows.numpy().tolist() == top_k(
        model(tf.constant([3, 1])), index.embeddings(tf.range(9)), 2
    )
    assert np.array_equal(index.predict(tf.constant([3, 1]), verbose=0)[1], rows)


def test_indexing_again_leaves_nothing_behind():
    index = Exact(k=3).index(whole_numbers(50), [f"old{i}" for i in range(50)])
    index.predict(whole_numbers(1), verbose=0)
    new = whole_numbers(4)
    index.index(new)
    assert index(new[:1])[1].numpy().tolist() == top_k(new[:1], new, 3)
    assert index.predict(new[:1], verbose=0)[1].tolist() == top_k(new[:1], new, 3)
    assert sorted(tuple(w.shape) for w in index.weights if w.shape.rank) == [(4,), (4, 4)]


@pytest.mark.parametrize("name", ["model.keras", "saved_model"])
def test_saved_index_answers_the_same(tmp_path, name):
    candidates = whole_numbers(300)
    index = Exact(k=3).index(candidates, [f"i{i}\0" for i in range(300)])
    expected = index(candidates[:2])
    index.save(str(tmp_path / name))
    restored = keras.models.load_model(str(tmp_path / name))
    for ours, theirs in zip(expected, restored(candidates[:2]), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_bring_their_corpus_along(tmp_path):
    index = Exact(k=3).index(whole_numbers(30))
    index(whole_numbers(1))
    index.save_weights(str(tmp_path / "index.weights.h5"))
    other = Exact(k=3).index(whole_numbers(7))
    other(whole_numbers(1))
    other.load_weights(str(tmp_path / "index.weights.h5"))
    queries = whole_numbers(4)
    np.testing.assert_array_equal(other(queries)[1], index(queries)[1])


def test_half_precision_queries_are_accepted():
    candidates, queries = whole_numbers(20), whole_numbers(3)
    scores, rows = Exact(k=5).index(candidates)(tf.constant(queries, tf.float16))
    assert scores.dtype == tf.float32
    assert rows.numpy().tolist() == top_k(queries, candidates, 5)


def test_shape_is_known_where_k_is():
    index = Exact(k=5, block_size=128).index(whole_numbers(900))
    function = tf.function(index).get_concrete_function(tf.TensorSpec([None, 4]))
    assert [t.shape.as_list() for t in function.outputs] == [[None, 5], [None, 5]]


@pytest.mark.parametrize(
    ("candidates", "identifiers", "message"),
    [
        (np.zeros((2, 3, 4)), None, "must have shape"),
        (np.zeros((0, 3)), None, "at least one row"),
        (np.array([[0.0], [np.nan], [np.inf]]), None, "2 rows: 1, 2"),
        (np.zeros((3, 1)), ["a", "b"], "one id per candidate"),
        (np.zeros((3, 1)), ["b", "a", "b"], "1 ids more than once: 'b'"),
        (np.zeros((3, 1)), [True, True, False], "int32, int64, string"),
    ],
)
def test_bad_corpus_is_refused_with_the_reason(candidates, identifiers, message):
    with pytest.raises(ValueError, match=message):
        Exact().index(candidates, identifiers, duplicates="error")


def test_bad_questions_are_refused_with_the_reason():
    index = Exact()
    with pytest.raises(ValueError, match="`index` must be called"):
        index(whole_numbers(1))
    index.index(whole_numbers(9))
    with pytest.raises(ValueError, match=r"must have shape \[B, 4\]"):
        index(whole_numbers(2, width=3))
    with pytest.raises(ValueError, match="`k` must be a positive"):
        index(whole_numbers(2), k=0)
    with pytest.raises(ValueError, match="`k` must be a positive"):
        Exact(k=0)
    with pytest.raises(ValueError, match="`block_size` must be at least"):
        Exact(block_size=1)
