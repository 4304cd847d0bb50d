"""What a corpus may be: ids of several kinds, ids that come twice, and what is refused."""

import importlib.util
import threading

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext.indexes import Exact, Quantized, ScaNN

KINDS = [Exact, Quantized]
if importlib.util.find_spec("scann") is not None:
    KINDS.append(ScaNN)
rng = np.random.default_rng(0)


def vectors(rows, width=8):
    return rng.normal(size=(rows, width)).astype(np.float32)


def test_ids_that_come_twice_are_named_and_kept_as_tfrs_does():
    candidates, queries = vectors(40), vectors(5)
    titles = tf.constant([f"title {i % 22}" for i in range(40)])
    with pytest.warns(UserWarning, match="18 ids more than once: 'title 0', .*duplicates=\"drop\""):
        index = Exact(k=6).index(candidates, titles)
    peer = tfrs.layers.factorized_top_k.BruteForce(k=6).index(candidates, titles)
    np.testing.assert_array_equal(index(queries)[1], peer(queries)[1])


def test_later_rows_of_an_id_can_be_dropped():
    candidates, ids = vectors(40), [f"title {i % 22}" for i in range(40)]
    index = Exact(k=3).index(candidates, ids, duplicates="drop")
    assert index.identifiers.numpy().tolist() == [f"title {i}".encode() for i in range(22)]
    data = tf.data.Dataset.from_tensor_slices((ids, candidates)).batch(7)
    other = Exact(k=3).index_from_dataset(data, duplicates="drop")
    queries = vectors(4)
    np.testing.assert_array_equal(index(queries)[1], other(queries)[1])
    with pytest.raises(ValueError, match='`duplicates` must be "warn", "error" or "drop"'):
        index.index(candidates, ids, duplicates="first")


def test_an_excluded_id_takes_all_its_rows_along():
    candidates = -np.arange(30, dtype=np.float32)[:, None]
    with pytest.warns(UserWarning, match="1 ids more than once: 0"):
        index = Exact(k=4).index(candidates, [0] * 20 + list(range(1, 11)))
    assert index.query_with_exclusions([[1.0]], [[0]])[1].numpy().tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ids_may_be_floats_as_in_tfrs(dtype):
    candidates = np.eye(4, dtype=np.float32)
    index = Exact(k=2).index(candidates, np.array([0.5, 1.5, 2.5, 3.5], dtype))
    assert index(candidates)[1].numpy()[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5]
    _, ids = index.query_with_exclusions(candidates[:1], np.array([[0.5, 1.5, 2.5]], dtype))
    np.testing.assert_array_equal(ids.numpy(), [[3.5, np.nan]])


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        (tf.data.Dataset.from_tensors([[1.0]]), "call `index_from_dataset`"),
        (np.array([["a"]]), "a matrix .* of numbers, received dtype=string"),
        (np.ones((2, 2), np.complex64), "received dtype=complex64"),
        ({"title": ["a"]}, "received dict that isn't one"),
        ([[1.0], [1.0, 2.0]], "rows of different length"),
    ],
)
def test_what_is_no_corpus_is_refused_by_name(candidates, message):
    with pytest.raises(ValueError, match=f"`candidates` must be .*{message}"):
        Exact().index(candidates)


@pytest.mark.parametrize("kind", KINDS)
def test_the_old_corpus_answers_until_the_new_one_stands(kind):
    """Ids say which corpus answered: those of one answer are all of one corpus."""
    index = kind(k=5).index(vectors(50), np.arange(50))
    queries, done, wrong = vectors(4), threading.Event(), []

    def ask():
        while not done.is_set():
            try:
                scores, ids = index(queries)
                corpora = set((ids.numpy() // 1000).ravel().tolist())
                if len(corpora) != 1 or not np.isfinite(scores).all():
                    wrong.append(ids.numpy())
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for i in range(1, 25):
        size = 30 + i % 7 * 10
        index.index(vectors(size), np.arange(size) + 1000 * i)
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[0]


def test_a_graph_keeps_the_corpus_that_it_was_traced_with():
    index = Exact(k=2).index(vectors(50), np.arange(50))
    ask = tf.function(index).get_concrete_function(tf.TensorSpec([None, 8]))
    index.index(vectors(9), np.arange(9) + 1000)
    assert ask(tf.constant(vectors(3)))[1].numpy().max() < 50
