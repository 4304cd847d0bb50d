import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import ranking
from tfrs_ext.ops import rank_metrics
from tfrs_ext.ops.tie_groups import group_ties
from tfrs_ext.ops.tied_ranks import rank_positions

TIES = ["pessimistic", "expected", "optimistic"]
NAMES = sorted(rank_metrics.AT_K)
# Seven candidates with whole scores: at most 7! orders, so every order can be tried.
CASES = st.lists(
    st.tuples(
        st.lists(st.integers(0, 3), min_size=7, max_size=7),
        st.sets(st.integers(0, 6), max_size=4),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=3,
)


def _groups(cases, ties):
    """Each case is scores of seven candidates, rows of positives, and how many are missed."""
    queries = np.float32([scores for scores, _, _ in cases])
    rows = [[*positives, *[-1] * missed] for _, positives, missed in cases]
    positives = tf.ragged.constant(rows, dtype=tf.int32, ragged_rank=1)
    ranks = rank_positions(tf.constant(queries), tf.eye(7), positives, ties=ties)
    return group_ties(ranks, len(cases), ties)


@settings(max_examples=15, deadline=None)
@given(CASES, st.sampled_from(TIES))
def test_metrics_are_the_mean_over_all_orders_that_ties_admit(cases, ties):
    groups = _groups(cases, ties)
    ks = (5, 1, 9, 3)
    for name in NAMES:
        expected = [
            [ranking.metric(name, v, p, k, ties, missed=m) for k in ks] for v, p, m in cases
        ]
        actual = rank_metrics.AT_K[name](groups, ks)
        np.testing.assert_allclose(actual, expected, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("ties", TIES)
def test_first_rank_is_the_best_positive_s(ties):
    cases = [([3, 3, 2, 2, 2, 1, 1], {2, 4, 6}, 1), ([1, 1, 1, 1, 1, 1, 1], {3}, 0)]
    expected = [ranking.first_rank(v, p, ties) for v, p, _ in cases]
    np.testing.assert_allclose(rank_metrics.first_rank(_groups(cases, ties)), expected)


def test_first_rank_tells_no_positive_from_a_missed_one():
    groups = _groups([([1] * 7, set(), 0), ([1] * 7, set(), 2)], "expected")
    np.testing.assert_array_equal(rank_metrics.first_rank(groups), [np.nan, np.inf])


def test_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(7), (20, 1)), axis=1)
    relevant = rng.random((20, 7)) < 0.4
    relevant[:, 0] = True
    groups = _groups(
        [(s, np.flatnonzero(r), 0) for s, r in zip(scores, relevant, strict=True)], "pessimistic"
    )
    for k in (2, 5, 7):
        peer = [
            sklearn.metrics.ndcg_score([r], [s], k=k) for r, s in zip(relevant, scores, strict=True)
        ]
        np.testing.assert_allclose(rank_metrics.ndcg(groups, [k])[:, 0], peer)
    peer = [
        sklearn.metrics.average_precision_score(r, s) for r, s in zip(relevant, scores, strict=True)
    ]
    np.testing.assert_allclose(rank_metrics.mean_average_precision(groups, [7])[:, 0], peer)


def test_ndcg_of_tied_scores_agrees_with_scikit_learn():
    rng = np.random.default_rng(1)
    scores, relevant = rng.integers(0, 3, (20, 7)), rng.random((20, 7)) < 0.4
    relevant[:, 3] = True
    cases = [(s, np.flatnonzero(r), 0) for s, r in zip(scores, relevant, strict=True)]
    peer = [
        sklearn.metrics.ndcg_score([r], [s], k=4) for r, s in zip(relevant, scores, strict=True)
    ]
    np.testing.assert_allclose(rank_metrics.ndcg(_groups(cases, "expected"), [4])[:, 0], peer)


@pytest.mark.parametrize(
    ("ties", "expected"), [("pessimistic", 0), ("expected", 0.3), ("optimistic", 1)]
)
def test_a_collapsed_model_hits_by_chance_alone(ties, expected):
    queries, candidates = np.ones((4, 8), np.float32), np.full((1000, 8), 0.3, np.float32)
    positives = tf.ragged.constant([[0], [1], [500], [999]], dtype=tf.int32)
    groups = group_ties(rank_positions(queries, candidates, positives, ties=ties), 4, ties)
    for name in ("hit_rate", "recall"):
        np.testing.assert_allclose(rank_metrics.AT_K[name](groups, [300]), expected, rtol=1e-9)


def test_large_groups_of_ties_stay_exact():
    queries, candidates = np.ones((1, 2), np.float32), np.ones((100_000, 2), np.float32)
    positives = tf.ragged.constant([[5, 6]], dtype=tf.int32)
    groups = group_ties(
        rank_positions(queries, candidates, positives, ties="expected"), 1, "expected"
    )
    missed = (99_990 / 100_000) * (99_989 / 99_999)
    np.testing.assert_allclose(rank_metrics.hit_rate(groups, [10]), 1 - missed, rtol=1e-5)
    places = np.arange(1, 11)
    chance = 2 * (100_000 - places) / (100_000 * 99_999)
    np.testing.assert_allclose(
        rank_metrics.reciprocal_rank(groups, [10]), sum(chance / places), rtol=1e-6
    )
