"""What an index may be asked, and what it refuses by name: eagerly, in graphs and when saved."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes import Exact, Index, Quantized, ScaNN

KINDS = [Exact, Quantized]
if importlib.util.find_spec("scann") is not None:
    KINDS.append(ScaNN)
rng = np.random.default_rng(0)


def vectors(rows, width=8):
    return rng.normal(size=(rows, width)).astype(np.float32)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.kind)
def index(request):
    return request.param(k=3).index(vectors(300))


@pytest.fixture(scope="module")
def graph(index):
    spec = [tf.TensorSpec([None, 8]), tf.TensorSpec(None, tf.int64)]
    return tf.function(lambda queries, k: index(queries, k=k), input_signature=spec)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
def test_queries_without_finite_scores_are_refused(index, graph, bad):
    queries = vectors(4)
    queries[2, 5] = bad
    with pytest.raises(ValueError, match=r"Query embeddings must be finite .* rows \[2\] of 4"):
        index(queries)
    with pytest.raises(ValueError, match="Query embeddings must be finite"):
        index.search(queries)
    with pytest.raises(ValueError, match="Query embeddings must be finite"):
        index.query_with_exclusions(queries, [[1]] * 4)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Query embeddings must be finite"):
        graph(queries, tf.constant(3, tf.int64))


def test_large_products_are_refused_and_those_that_fit_are_finite():
    candidates = np.full((2, 4), 1e30, np.float32)
    index = Exact(k=2).index(candidates)
    fits = np.full((1, 4), 8e7, np.float32)
    assert np.isfinite(index(fits)[0]).all()
    with pytest.raises(ValueError, match="scores of this corpus overflow"):
        index(fits * 1.1)


@pytest.mark.parametrize("k", [0, -1, 2.7, 2.0, True, "3", [3], np.array([1, 2]), None])
def test_a_number_of_results_that_is_none_is_refused(index, k):
    if k is None:
        k = tf.constant([1, 2])
    with pytest.raises(ValueError, match="`k` must be a positive integer, received k="):
        index(vectors(1), k=k)


@pytest.mark.parametrize(
    "k", [5, np.int64(5), np.array(5), tf.constant(5), tf.constant(5, tf.int8)]
)
def test_whole_numbers_of_any_kind_are_taken(index, k):
    assert index(vectors(1), k=k)[1].shape == (1, 5)


@pytest.mark.parametrize(("k", "columns"), [(1, 1), (300, 300), (2**31 - 1, 300), (2**32 + 1, 300)])
def test_large_numbers_are_clipped_and_never_wrap(index, graph, k, columns):
    assert index(vectors(1), k=k)[1].shape == (1, columns)
    assert index(vectors(1), k=tf.constant(k, tf.int64))[1].shape == (1, columns)
    assert graph(vectors(1), tf.constant(k, tf.int64))[1].shape == (1, columns)


@pytest.mark.parametrize("k", [0, -1, -(2**32) + 3, [1, 2]])
def test_a_graph_refuses_what_is_no_number_of_results(graph, k):
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(vectors(1), tf.constant(k, tf.int64))


def test_a_graph_refuses_a_fraction(index):
    specs = tf.TensorSpec([None, 8]), tf.TensorSpec([], tf.float32)
    with pytest.raises(ValueError, match=r"`k` must be a positive integer, .* dtype=float32"):
        tf.function(lambda queries, k: index(queries, k=k)).get_concrete_function(*specs)


def test_a_mixed_policy_rounds_neither_queries_nor_scores():
    candidates, queries = vectors(300), vectors(4)
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        scores, _ = Exact(k=3).index(candidates)(queries)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    true = -np.sort(-queries.astype(np.float64) @ candidates.T.astype(np.float64))[:, :3]
    assert scores.dtype == tf.float32
    np.testing.assert_allclose(scores, true, rtol=1e-5)


def test_one_query_gets_one_answer(index):
    queries = vectors(2)
    scores, ids = index(queries)
    one_score, one_id = index(queries[1])
    np.testing.assert_allclose(one_score, scores[1], rtol=1e-5)
    np.testing.assert_array_equal(one_id, ids[1])


@pytest.mark.parametrize(
    "queries",
    [np.array([["a"] * 8]), np.ones((1, 8), np.complex64), {"user": [1]}, [[1.0], [1.0, 2.0]]],
)
def test_what_is_no_embedding_is_refused(index, queries):
    with pytest.raises(ValueError, match="`queries` must be embeddings"):
        index(queries)


@pytest.mark.parametrize(
    ("exclusions", "message"),
    [
        ([1, 2], r"`exclusions` must have shape \[B, E\]"),
        ([[1], [2], [3]], r"shape=\(3, 1\) with 2 queries"),
        ([["a"], ["b"]], "must be ids as the identifiers are, int32, received dtype=string"),
        ([[1.5], [2.0]], "must be ids as the identifiers are, int32, received dtype=float32"),
    ],
)
def test_exclusions_that_do_not_fit_are_refused(index, exclusions, message):
    with pytest.raises(ValueError, match=message):
        index.query_with_exclusions(vectors(2), exclusions)


@pytest.mark.parametrize("ragged", [lambda rows: rows, tf.ragged.constant])
def test_queries_may_exclude_different_numbers(index, ragged):
    queries = vectors(2)
    scores, best = (part.numpy() for part in index(queries))
    exclusions = ragged([best[0, :2].tolist(), []])
    found_scores, found = index.query_with_exclusions(queries, exclusions)
    assert not set(found[0].numpy()) & set(best[0, :2])
    # The deeper search of an approximate index may find better ones.
    assert np.all(found_scores[1] >= scores[1] - 1e-5)
    assert np.all(found_scores[0, 0] >= scores[0, 2] - 1e-5)
    nothing = index.query_with_exclusions(queries, [[], []])[1].numpy()
    assert nothing.tolist() == best.tolist()


def test_an_id_that_no_int32_holds_excludes_nothing_else(index):
    queries = vectors(1)
    best = index(queries)[1].numpy()
    found = index.query_with_exclusions(queries, best.astype(np.int64) + 2**32)[1]
    assert found.numpy().tolist() == best.tolist()


class Nearest(Exact):
    """By Euclidean distance, as a subclass of TFRS's layers does it."""

    def _compute_score(self, queries, candidates):
        return -tf.reduce_sum((queries[:, None] - candidates[None]) ** 2, axis=2)


class NearestQuantized(Quantized):
    _compute_score = Nearest._compute_score


@pytest.mark.parametrize("kind", [Nearest, NearestQuantized])
def test_another_score_ranks(kind):
    candidates = vectors(300)
    index: Index = kind(k=1).index(candidates)
    assert index(candidates)[1].numpy()[:, 0].tolist() == list(range(300))


@pytest.mark.skipif(len(KINDS) < 3, reason="the scann package is not installed")
def test_another_score_that_scann_cannot_rank_by_is_refused():
    class Other(ScaNN):
        _compute_score = Nearest._compute_score

    with pytest.raises(ValueError, match="`_compute_score` TFRS's own"):
        Other()


def test_a_second_call_answers_as_the_first_which_keras_wraps(index):
    copy = type(index)(k=3, query_model=keras.Sequential([keras.layers.Dropout(0.5)]))
    copy.index(index.embeddings(tf.range(300)), index.identifiers)
    queries = tf.constant(vectors(2))
    first = copy(queries)  # Keras notes the inputs; from now on it is left out.
    for again in (copy(queries), copy(queries, 3), copy(queries, k=3), copy(queries=queries)):
        tf.nest.map_structure(np.testing.assert_array_equal, again, first)
    assert copy(queries, k=2)[1].shape == [2, 2]
    inputs = keras.Input([8])
    model = keras.Model(inputs, copy(inputs))
    tf.nest.map_structure(np.testing.assert_array_equal, model(queries), first)
