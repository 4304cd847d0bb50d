"""The baselines rank by their formulas, in the one way in which all rankers are evaluated."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import evaluation
from tfrs_ext._keras import keras
from tfrs_ext.baselines import (
    Baseline,
    HistoryBaseline,
    ItemToItemBaseline,
    PopularityBaseline,
    RandomBaseline,
    neighbors,
)

RNG = np.random.default_rng(0)
HISTORIES = [RNG.integers(0, 9, RNG.integers(0, 7)).tolist() for _ in range(12)]
QUERIES = [[4, 4, 1], [], [8, 0]]
DENSE = np.array([[4, 4, 1], [-1, -1, -1], [-1, 8, 0]])
ALL = [PopularityBaseline, RandomBaseline, HistoryBaseline, ItemToItemBaseline]


def _ragged(lists):
    return tf.ragged.constant(lists, dtype=tf.int32, ragged_rank=1)


def test_popularity_is_evaluated_without_a_score_for_every_query(monkeypatch):
    baseline = PopularityBaseline(9).adapt(_ragged(HISTORIES))
    arguments = (_ragged(QUERIES), [[4], [1, 2], [8]], [[1], [], [0]], (1, 3))
    expected = evaluation.evaluate_scores(lambda some: baseline(some), *arguments, num_candidates=9)
    monkeypatch.setattr(PopularityBaseline, "call", None)
    actual = evaluation.evaluate_scores(baseline, *arguments, num_candidates=9)
    assert actual.summary() == expected.summary()


def _counts():
    return np.bincount(np.concatenate(HISTORIES).astype(int), minlength=9)


def test_popularity_counts_occurrences():
    baseline = PopularityBaseline(9).adapt(_ragged(HISTORIES))
    np.testing.assert_array_equal(baseline(_ragged(QUERIES)), np.tile(_counts(), (3, 1)))


def test_history_popularity_puts_the_query_s_own_candidates_first():
    scores = HistoryBaseline(9).adapt(_ragged(HISTORIES))(_ragged(QUERIES)).numpy()
    own = np.zeros((3, 9))
    for query, history in enumerate(QUERIES):
        np.add.at(own[query], history, 1)
    np.testing.assert_allclose(scores, own + _counts() / (1 + _counts().max()))
    assert scores[0, [1, 4]].min() > np.delete(scores[0], [1, 4]).max()


@pytest.mark.parametrize("neighbors", [3, 100])
def test_item_to_item_sums_the_cosines_of_the_nearest_neighbours(neighbors):
    matrix = np.zeros((12, 9))
    for user, history in enumerate(HISTORIES):
        matrix[user, history] = 1
    length = np.linalg.norm(matrix, axis=0)
    cosine = matrix.T @ matrix / np.maximum(np.outer(length, length), 1e-9)
    np.fill_diagonal(cosine, 0)
    for row in cosine:
        row[np.argsort(-row, kind="stable")[neighbors:]] = 0
    scores = ItemToItemBaseline(9, neighbors).adapt(_ragged(HISTORIES))(_ragged(QUERIES))
    expected = [sum((cosine[item] for item in set(history)), np.zeros(9)) for history in QUERIES]
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_neighbours_are_independent_of_the_blocks(monkeypatch):
    expected = ItemToItemBaseline(9).adapt(_ragged(HISTORIES))(_ragged(QUERIES))
    monkeypatch.setattr(neighbors, "_CELLS_IN_BLOCK", 12)
    monkeypatch.setitem(ItemToItemBaseline.adapt.__globals__, "_PAIRS_IN_BLOCK", 2)
    scores = ItemToItemBaseline(9).adapt(_ragged(HISTORIES))(_ragged(QUERIES))
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_random_orders_are_uniform_and_depend_on_seed_and_history_alone():
    histories = tf.range(2000)[:, tf.newaxis] // 2
    scores = RandomBaseline(10, seed=3)(histories).numpy()
    assert scores.min() >= 0
    assert scores.max() < 1
    np.testing.assert_array_equal(scores[::2], scores[1::2])
    np.testing.assert_array_equal(scores[500:], RandomBaseline(10, seed=3)(histories[500:]))
    assert np.mean(scores != RandomBaseline(10, seed=4)(histories)) > 0.99
    ranks = np.argsort(np.argsort(scores[::2], axis=1), axis=1)
    shares = np.stack([np.bincount(column, minlength=10) for column in ranks.T]) / 1000
    np.testing.assert_allclose(shares, 0.1, atol=0.04)
    assert abs(np.corrcoef(scores[::2], rowvar=False) - np.eye(10)).max() < 0.15


@pytest.mark.parametrize("make", ALL)
def test_dense_histories_with_padding_mean_the_same(make):
    baseline = make(9).adapt(_ragged(HISTORIES))
    expected = baseline(_ragged(QUERIES))
    np.testing.assert_array_equal(baseline(tf.constant(DENSE)), expected)
    np.testing.assert_array_equal(tf.function(baseline)(DENSE), expected)
    padded = _ragged(HISTORIES).to_tensor(-1)
    np.testing.assert_array_equal(make(9).adapt(padded)(_ragged(QUERIES)), expected)


@pytest.mark.parametrize("make", ALL)
def test_baselines_are_evaluated_like_models(make):
    baseline = make(9).adapt(_ragged(HISTORIES))
    positives = [0, 3, 4]
    result = evaluation.evaluate_scores(
        baseline, _ragged(QUERIES), positives, seen=QUERIES, ks=[2], num_candidates=9
    )
    scores = baseline(_ragged(QUERIES)).numpy()
    scores[0, [4, 1]] = scores[2, [8, 0]] = -1
    expected = [np.sum(row >= row[p]) for row, p in zip(scores, positives, strict=True)]
    np.testing.assert_array_equal(result.per_query["rank"], expected)


@pytest.mark.parametrize("make", ALL)
def test_a_saved_baseline_ranks_as_before(make, tmp_path):
    inputs = keras.Input([None], dtype=tf.int32)
    baseline = make(9).adapt(_ragged(HISTORIES))
    model = keras.Model(inputs, baseline(inputs))
    expected = model(DENSE)
    for name in ("model.keras", "saved_model"):
        path = str(tmp_path / name)
        model.save(path)
        np.testing.assert_array_equal(keras.models.load_model(path)(DENSE), expected)
    assert make.from_config(baseline.get_config()).get_config() == baseline.get_config()
    assert not model.trainable_weights


def test_bad_arguments_are_named():
    with pytest.raises(
        ValueError, match="`num_candidates` must be at least 1, received num_candidates=0"
    ):
        PopularityBaseline(0)
    with pytest.raises(ValueError, match="`neighbors` must be at least 1"):
        ItemToItemBaseline(3, neighbors=0)
    with pytest.raises(TypeError, match="abstract"):
        Baseline(3)


def test_neighbours_of_a_large_catalogue_take_no_matrix_of_all_items():
    rng = np.random.default_rng(0)
    histories = rng.integers(0, 300_000, [200, 20])  # As a matrix: 360 GB.
    rows, cosines = neighbors.nearest_by_cosine(
        np.repeat(np.arange(200), 20), histories.ravel(), 200, 300_000, 5
    )
    item = histories[7, 3]
    assert set(rows[item]) <= set(histories[7])
    np.testing.assert_allclose(cosines[item], 1.0, rtol=1e-6)
    assert not cosines[np.setdiff1d(np.arange(300_000), histories)].any()


@pytest.mark.parametrize("histories", [[[]], [[1], [2], []], [[0, 1, 2]]])
def test_histories_without_company_have_no_neighbours(histories):
    baseline = ItemToItemBaseline(4).adapt(tf.ragged.constant(histories, dtype=tf.int32))
    expected = np.zeros([1, 4]) if len(histories) != 1 or not histories[0] else [[0, 1, 1, 0]]
    np.testing.assert_allclose(baseline(tf.constant([[0]])), expected)
