"""The baselines rank by their formulas, in the one way in which all rankers are evaluated."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics.pairwise import cosine_similarity

from tfrs_ext import evaluation
from tfrs_ext._keras import keras
from tfrs_ext.baselines import (
    EASE,
    Baseline,
    GroupPopularityBaseline,
    HistoryBaseline,
    ItemToItemBaseline,
    PopularityBaseline,
    RandomBaseline,
    SuccessorBaseline,
    UserToItemBaseline,
    co_occurrence,
    make_baseline,
    sparse_rows,
)

RNG = np.random.default_rng(0)
HISTORIES = [RNG.integers(0, 9, RNG.integers(0, 7)).tolist() for _ in range(12)]
QUERIES = [[4, 4, 1], [], [8, 0]]
DENSE = np.array([[4, 4, 1], [-1, -1, -1], [-1, 8, 0]])
TIMES = [np.arange(len(history)) * 1.0 + user for user, history in enumerate(HISTORIES)]
GROUPS = np.array(["a", "b", "c"])[np.arange(12) % 3]
ALL = [
    PopularityBaseline,
    functools.partial(PopularityBaseline, window=4.0),
    RandomBaseline,
    HistoryBaseline,
    functools.partial(HistoryBaseline, decay=0.5),
    functools.partial(ItemToItemBaseline, shrinkage=2.0),
    functools.partial(SuccessorBaseline, latest=2),
    functools.partial(UserToItemBaseline, neighbors=4),
    functools.partial(EASE, regularization=2.0),
    functools.partial(EASE, regularization=2.0, neighbors=3, max_items=6),
]


def _ragged(lists):
    return tf.ragged.constant(lists, dtype=tf.int32, ragged_rank=1)


@pytest.mark.parametrize("make", ALL[:2])
def test_popularity_is_evaluated_without_a_score_for_every_query(monkeypatch, make):
    baseline = _fit(make(9))
    arguments = (_ragged(QUERIES), [[4], [1, 2], [8]], [[1], [], [0]], (1, 3))
    expected = evaluation.evaluate_scores(lambda some: baseline(some), *arguments, num_candidates=9)
    monkeypatch.setattr(PopularityBaseline, "call", None)
    actual = evaluation.evaluate_scores(baseline, *arguments, num_candidates=9)
    assert actual.summary() == expected.summary()


def _fit(baseline):
    times = tf.ragged.constant(TIMES, dtype=tf.float64, ragged_rank=1)
    return baseline.fit(_ragged(HISTORIES), times=times, groups=GROUPS)


def _matrix(histories):
    matrix = np.zeros((len(histories), 9))
    for user, history in enumerate(histories):
        matrix[user, history] = 1
    return matrix


def _counts():
    return np.bincount(np.concatenate(HISTORIES).astype(int), minlength=9)


def _with_popular_rest(scores):
    return np.where(scores == 0, _counts() / (1 + _counts().max()) - 1, scores)


def test_popularity_counts_occurrences():
    baseline = PopularityBaseline(9).fit(_ragged(HISTORIES))
    np.testing.assert_array_equal(baseline(_ragged(QUERIES)), np.tile(_counts(), (3, 1)))


def test_history_popularity_puts_the_query_s_own_candidates_first():
    scores = HistoryBaseline(9).fit(_ragged(HISTORIES))(_ragged(QUERIES)).numpy()
    own = np.zeros((3, 9))
    for query, history in enumerate(QUERIES):
        np.add.at(own[query], history, 1)
    np.testing.assert_allclose(scores, own + _counts() / (1 + _counts().max()))
    assert scores[0, [1, 4]].min() > np.delete(scores[0], [1, 4]).max()


@pytest.mark.parametrize("decay", [0.9, 0.25])
def test_a_decay_ranks_the_history_by_recency(decay):
    scores = _fit(HistoryBaseline(9, decay=decay))(_ragged(QUERIES)).numpy()
    own = np.zeros((3, 9))
    for query, history in enumerate(QUERIES):
        for age, item in enumerate(reversed(history)):
            own[query, item] += decay**age
    np.testing.assert_allclose(scores, _with_popular_rest(own), rtol=1e-6)


def test_a_window_counts_what_is_recent_first():
    scores = _fit(PopularityBaseline(9, window=4.0))(_ragged(QUERIES)).numpy()
    latest = max(time for times in TIMES for time in times)
    recent = np.zeros(9)
    for history, times in zip(HISTORIES, TIMES, strict=True):
        for item, time in zip(history, times, strict=True):
            recent[item] += time > latest - 4.0
    assert 0 < recent.sum() < _counts().sum()
    np.testing.assert_allclose(scores, np.tile(_with_popular_rest(recent), (3, 1)), rtol=1e-6)


@pytest.mark.parametrize("as_text", [True, False])
def test_each_group_has_its_own_popularity(as_text):
    names = GROUPS if as_text else np.arange(12) % 3
    baseline = GroupPopularityBaseline(9, prior=5.0).fit(_ragged(HISTORIES), groups=names)
    asked = ["b", "a", "nobody"] if as_text else [1, 0, 99]
    scores = baseline(_ragged(QUERIES), asked).numpy()
    shares = _counts() / _counts().sum()
    for row, group in enumerate((1, 0)):
        taken = np.concatenate([h for u, h in enumerate(HISTORIES) if u % 3 == group]).astype(int)
        counts = np.bincount(taken, minlength=9)
        expected = (counts + 5.0 * shares) / (counts.sum() + 5.0)
        np.testing.assert_allclose(scores[row], expected, rtol=1e-5)
    np.testing.assert_allclose(scores[2], shares, rtol=1e-6)


def test_groups_of_numbers_stay_numbers_in_a_file(tmp_path):
    groups = [2**63 - 1] * 6 + [1] * 6  # The largest one stands for "missing" in many tables.
    baseline = GroupPopularityBaseline(9, prior=5.0).fit(_ragged(HISTORIES), groups=groups)
    asked, queries = [2**63 - 1, 1, 0], _ragged(QUERIES)
    expected = baseline(queries, asked).numpy()
    assert baseline.group_dtype == "int64"
    assert not np.allclose(expected[0], expected[2])
    baseline.save(tmp_path / "b.keras")
    np.testing.assert_array_equal(Baseline.load(tmp_path / "b.keras")(queries, asked), expected)
    few = GroupPopularityBaseline(9).fit(_ragged(HISTORIES), groups=[1] * 12)
    np.testing.assert_allclose(few(queries, asked)[2], _counts() / _counts().sum(), rtol=1e-5)
    with pytest.raises(ValueError, match="must be of `group_dtype`, int64, received dtype=string"):
        baseline(queries, ["1", "2", "3"])
    with pytest.raises(ValueError, match="`groups` must be of `group_dtype`, string, received"):
        GroupPopularityBaseline(9, group_dtype="string").fit(_ragged(HISTORIES), groups=groups)
    with pytest.raises(ValueError, match="`groups` must be integers or strings, received"):
        GroupPopularityBaseline(9).fit(_ragged(HISTORIES), groups=[0.5] * 12)


@pytest.mark.parametrize(("neighbors", "shrinkage"), [(3, 0.0), (100, 0.0), (100, 2.5)])
def test_item_to_item_sums_the_cosines_of_the_nearest_neighbours(neighbors, shrinkage):
    matrix = _matrix(HISTORIES)
    norms = np.linalg.norm(matrix, axis=0)
    cosine = matrix.T @ matrix / np.maximum(np.outer(norms, norms) + shrinkage, 1e-9)
    if not shrinkage:
        np.testing.assert_allclose(cosine, cosine_similarity(matrix.T), atol=1e-9)
    np.fill_diagonal(cosine, 0)
    for row in cosine:
        row[np.argsort(-row, kind="stable")[neighbors:]] = 0
    scores = _fit(ItemToItemBaseline(9, neighbors, shrinkage))(_ragged(QUERIES))
    expected = _with_popular_rest(_matrix(QUERIES) @ cosine)
    np.testing.assert_allclose(scores, expected, atol=1e-6)


@pytest.mark.parametrize(("latest", "decay"), [(1, 0.5), (3, 0.7)])
def test_successors_are_counted_after_the_latest_entries(latest, decay):
    follows = np.zeros((9, 9))
    for history in HISTORIES:
        for item, successor in itertools.pairwise(history):
            follows[item, successor] += 1
    shares = follows / np.maximum(follows.sum(axis=1, keepdims=True), 1)
    expected = np.zeros((3, 9))
    for query, history in enumerate(QUERIES):
        for age, item in enumerate(history[::-1][:latest]):
            expected[query] += decay**age * shares[item]
    scores = _fit(SuccessorBaseline(9, latest, decay))(_ragged(QUERIES))
    np.testing.assert_allclose(scores, _with_popular_rest(expected), atol=1e-6)


@pytest.mark.parametrize(("neighbors", "shrinkage"), [(4, 0.0), (100, 1.5)])
def test_user_to_item_sums_what_the_nearest_users_took(neighbors, shrinkage):
    users, queries = _matrix(HISTORIES), _matrix(QUERIES)
    norms = np.sqrt(np.outer(queries.sum(axis=1), users.sum(axis=1))) + shrinkage
    similarity = queries @ users.T / np.maximum(norms, 1e-9)
    if not shrinkage:
        np.testing.assert_allclose(similarity, cosine_similarity(queries, users), atol=1e-9)
    for row in similarity:
        row[np.argsort(-row, kind="stable")[neighbors:]] = 0
    scores = _fit(UserToItemBaseline(9, neighbors, shrinkage))(_ragged(QUERIES))
    np.testing.assert_allclose(scores, _with_popular_rest(similarity @ users), atol=1e-6)


@pytest.mark.parametrize("name", ["item_to_item", "successors", "user_to_item"])
def test_scores_are_independent_of_the_blocks(monkeypatch, name):
    expected = _fit(make_baseline(name, 9))(_ragged(QUERIES))
    monkeypatch.setattr(co_occurrence, "_CELLS_IN_BLOCK", 12)
    monkeypatch.setattr(sparse_rows, "_CELLS_IN_BLOCK", 9)
    scores = _fit(make_baseline(name, 9))(_ragged(QUERIES))
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
    baseline = _fit(make(9))
    expected = baseline(_ragged(QUERIES))
    np.testing.assert_array_equal(baseline(tf.constant(DENSE)), expected)
    np.testing.assert_array_equal(tf.function(baseline)(DENSE), expected)
    padded = _ragged(HISTORIES).to_tensor(-1)
    times = tf.ragged.constant(TIMES, ragged_rank=1).to_tensor(-7)
    again = make(9).fit(padded, times=times)
    np.testing.assert_array_equal(again(_ragged(QUERIES)), expected)


@pytest.mark.parametrize("make", ALL)
def test_baselines_are_evaluated_like_models(make):
    baseline = _fit(make(9))
    positives = [0, 3, 4]
    result = evaluation.evaluate_scores(
        baseline, _ragged(QUERIES), positives, seen=QUERIES, ks=[2], num_candidates=9
    )
    scores = baseline(_ragged(QUERIES)).numpy()
    scores[0, [4, 1]] = scores[2, [8, 0]] = -np.inf
    expected = [np.sum(row >= row[p]) for row, p in zip(scores, positives, strict=True)]
    np.testing.assert_array_equal(result.per_query["rank"], expected)


def test_a_baseline_in_a_saved_model_ranks_as_before(tmp_path):
    inputs = keras.Input([None], dtype=tf.int32)
    makers = (ALL[7], ALL[8])  # Lists of any length, and a matrix of any size.
    outputs = [_fit(make(9))(inputs) for make in makers]
    model = keras.Model(inputs, outputs)
    model.save(str(tmp_path / "saved"))
    loaded = keras.models.load_model(str(tmp_path / "saved"))
    for found, expected in zip(loaded(DENSE), model(DENSE), strict=True):
        np.testing.assert_array_equal(found, expected)
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
    rows, cosines = co_occurrence.nearest_by_cosine(
        np.repeat(np.arange(200), 20), histories.ravel(), 200, 300_000, 5
    )
    item = histories[7, 3]
    assert set(rows[item]) <= set(histories[7])
    np.testing.assert_allclose(cosines[item], 1.0, rtol=1e-6)
    assert not cosines[np.setdiff1d(np.arange(300_000), histories)].any()


@pytest.mark.parametrize("histories", [[[]], [[1], [2], []], [[0, 1, 2]]])
def test_histories_without_company_have_no_neighbours(histories):
    baseline = ItemToItemBaseline(4).fit(tf.ragged.constant(histories, dtype=tf.int32))
    scores = np.maximum(baseline(tf.constant([[0]])), 0)
    expected = np.zeros([1, 4]) if len(histories) != 1 or not histories[0] else [[0, 1, 1, 0]]
    np.testing.assert_allclose(scores, expected)


@pytest.mark.parametrize("make", ALL)
def test_recommendations_are_the_best_that_are_not_left_out(make):
    baseline = _fit(make(9))
    scores = baseline(_ragged(QUERIES)).numpy()
    found, positions = baseline.recommend(_ragged(QUERIES), 7, exclusions=[[2, -1], [3, 5], [2, 2]])
    for query, (history, left_out) in enumerate(zip(QUERIES, [{2}, {3, 5}, {2}], strict=True)):
        order = np.argsort(-scores[query], kind="stable")
        wanted = [c for c in order if c not in left_out | set(history)][:7]
        assert positions[query].tolist() == wanted + [-1] * (7 - len(wanted))
        np.testing.assert_array_equal(found[query][: len(wanted)], scores[query][wanted])
    _, again = baseline.recommend(DENSE, 100, exclude_seen=False)
    np.testing.assert_array_equal(again, np.argsort(-scores, axis=1, kind="stable"))


@pytest.mark.parametrize("make", [*ALL, functools.partial(GroupPopularityBaseline, group="age")])
def test_a_baseline_is_saved_and_loaded_alone(make, tmp_path):
    baseline = _fit(make(9))
    baseline.save(tmp_path / "baseline.keras")
    loaded = Baseline.load(tmp_path / "baseline.keras")
    assert loaded.get_config() == baseline.get_config()
    groups = GROUPS[:3] if baseline.reads_groups else None
    np.testing.assert_array_equal(
        loaded(_ragged(QUERIES), groups), baseline(_ragged(QUERIES), groups)
    )
    again = loaded.fit(_ragged(HISTORIES[:5]), times=_ragged(HISTORIES[:5]), groups=GROUPS[:5])
    expected = make(9).fit(_ragged(HISTORIES[:5]), times=_ragged(HISTORIES[:5]), groups=GROUPS[:5])
    np.testing.assert_array_equal(
        again(_ragged(QUERIES), groups), expected(_ragged(QUERIES), groups)
    )


def test_what_a_baseline_reads_is_asked_for():
    with pytest.raises(ValueError, match="`times` must be given"):
        PopularityBaseline(9, window=1.0).fit(_ragged(HISTORIES))
    with pytest.raises(ValueError, match="`times` must hold one time for each"):
        PopularityBaseline(9, window=1.0).fit(_ragged(HISTORIES), times=[[1.0]])
    with pytest.raises(ValueError, match="`times` must be numbers, received NaN for 1 of 2 ent"):
        PopularityBaseline(2, window=1.0).fit([[0, 1]], times=[[1.0, np.nan]])
    with pytest.raises(ValueError, match="`groups` must be given"):
        GroupPopularityBaseline(9).fit(_ragged(HISTORIES))
    with pytest.raises(ValueError, match="`groups` must hold the group of each of 12 users"):
        GroupPopularityBaseline(9).fit(_ragged(HISTORIES), groups=["a"])
    with pytest.raises(ValueError, match="positions below num_candidates=8, received 8"):
        PopularityBaseline(8).fit(_ragged(HISTORIES))
    with pytest.raises(ValueError, match="`k` must be a positive integer"):
        _fit(PopularityBaseline(9)).recommend(_ragged(QUERIES), 0)
