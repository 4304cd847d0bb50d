import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import ranking
from tfrs_ext.ops.tie_groups import group_ties
from tfrs_ext.ops.tied_ranks import MISSED, rank_positions

TIES = ["pessimistic", "expected", "optimistic"]


def _case(seed, ties):
    rng = np.random.default_rng(seed)
    q = rng.integers(-2, 3, (5, 3)).astype(np.float32)
    c = rng.integers(-2, 3, (12, 3)).astype(np.float32)
    mixed = [rng.permutation(12) for _ in range(5)]
    positives = [row[: rng.integers(0, 4)] for row in mixed]
    excluded = [row[4 : 4 + rng.integers(0, 6)] for row in mixed]
    bounds = [
        ranking.rank_bounds(q, c, i, row, excluded[i]) for i in range(5) for row in positives[i]
    ]
    ragged = [tf.ragged.constant([list(r) for r in x], tf.int32, 1) for x in (positives, excluded)]
    return rank_positions(q, c, *ragged, ties=ties), positives, np.array(bounds).reshape(-1, 2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from(TIES))
def test_ranks_equal_those_of_a_loop_over_the_candidates(seed, ties):
    ranks, positives, bounds = _case(seed, ties)
    np.testing.assert_array_equal(ranks.query, [i for i in range(5) for _ in positives[i]])
    best, worst = bounds.T
    np.testing.assert_array_equal(ranks.above, worst if ties == "pessimistic" else best)
    np.testing.assert_array_equal(ranks.size, worst - best + 1 if ties == "expected" else 1)


def test_a_positive_that_the_candidates_lack_is_missed():
    positives = tf.ragged.constant([[-1, 0]], dtype=tf.int32)
    ranks = rank_positions(tf.ones([1, 2]), tf.ones([3, 2]), positives, ties="expected")
    np.testing.assert_array_equal(ranks.above, [MISSED, 0])
    np.testing.assert_array_equal(ranks.size, [1, 3])


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_positive_that_is_not_finite_comes_last(ties, bad):
    candidates = np.float32([[1], [2], [bad], [4], [3]])
    positives, excluded = tf.ragged.constant([[2]]), tf.ragged.constant([[0]])
    ranks = rank_positions(tf.ones([1, 1]), candidates, positives, excluded, ties)
    assert (ranks.above, ranks.size) == (3, 1)


@pytest.mark.parametrize(
    ("ties", "above"), [("pessimistic", [3, 4]), ("optimistic", [0, 1]), ("expected", [0])]
)
def test_positives_that_tie_take_different_ranks(ties, above):
    positives = tf.ragged.constant([[1, 3]], dtype=tf.int32)
    ranks = rank_positions(tf.ones([1, 2]), tf.ones([5, 2]), positives, ties=ties)
    groups = group_ties(ranks, 1, ties)
    np.testing.assert_array_equal(groups.above, above)
    np.testing.assert_array_equal(groups.positives, [2] if ties == "expected" else [1, 1])
    np.testing.assert_array_equal(groups.earlier, [0] if ties == "expected" else [0, 1])


def test_queries_without_positives_make_no_groups():
    empty = tf.ragged.constant([[], []], dtype=tf.int32)
    groups = group_ties(rank_positions(tf.ones([2, 2]), tf.ones([5, 2]), empty), 2)
    assert groups.query.shape == (0,)
    np.testing.assert_array_equal(groups.total, [0, 0])
