import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import ranking
from tfrs_ext.ops import rank_counts


def _whole(seed, *shape):
    # Whole numbers: products are exact, and ties are frequent.
    return np.random.default_rng(seed).integers(-2, 3, shape).astype(np.float32)


def _ragged(lists):
    lengths = [len(row) for row in lists]
    values = np.concatenate([np.zeros(0), *lists]).astype(np.int32)
    return tf.RaggedTensor.from_row_lengths(values, lengths)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 700), st.integers(1, 2100), st.integers(0, 99))
def test_counts_equal_a_comparison_of_all_scores_at_any_size(queries, candidates, seed):
    q, c = _whole(seed, queries, 3), _whole(seed + 1, candidates, 3)
    limits = _whole(seed + 2, queries)
    counts = rank_counts.count_at_least(q, c, limits)
    expected = (ranking.scores(q, c) >= limits[:, None]).sum(1)
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("power", [-90, -40, 0, 15, 60])
def test_counts_do_not_depend_on_the_scale_of_the_scores(power):
    q, c, limits = _whole(0, 40, 3), _whole(1, 1500, 3), _whole(2, 40)
    scale = np.float32(2.0**power)  # Exact: no score is rounded.
    counts = rank_counts.count_at_least(q * scale, c, limits * scale)
    np.testing.assert_array_equal(counts, (ranking.scores(q, c) >= limits[:, None]).sum(1))


def test_a_limit_far_smaller_than_the_terms_of_a_score_is_not_lost_among_them():
    q, c = _whole(0, 60, 3), _whole(1, 200, 3)
    limits = np.full(60, 1e-30, np.float32)  # A score of 0 is a sum of 4 and -4, say.
    counts = rank_counts.count_at_least(q, c, limits)
    np.testing.assert_array_equal(counts, (ranking.scores(q, c) > 0).sum(1))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_not_finite_counts_as_a_comparison_says(value, place):
    arrays = [_whole(0, 6, 3), _whole(1, 9, 3), _whole(2, 6)]
    arrays[place][1] = value
    q, c, limits = arrays
    with np.errstate(invalid="ignore"):
        expected = (~(q @ c.T < limits[:, None])).sum(1)
    np.testing.assert_array_equal(rank_counts.count_at_least(q, c, limits), expected)


def test_a_threshold_can_name_its_query():
    q, c = _whole(0, 5, 4), _whole(1, 30, 4)
    query_of = np.array([4, 0, 0, 2, 4, 4, 1], np.int32)
    limits = _whole(2, 7)
    counts = rank_counts.count_at_least(q, c, limits, query_of)
    expected = (ranking.scores(q, c)[query_of] >= limits[:, None]).sum(1)
    np.testing.assert_array_equal(counts, expected)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sets(st.integers(0, 39)), max_size=8), st.booleans(), st.integers(0, 99))
def test_excluded_candidates_are_counted_alike(lists, several, seed):
    q, c = _whole(seed, len(lists), 3), _whole(seed + 1, 40, 3)
    rng = np.random.default_rng(seed)
    query_of = None
    if several and lists:
        query_of = rng.integers(0, len(lists), 11).astype(np.int32)
    rows = np.arange(len(lists)) if query_of is None else query_of
    limits = _whole(seed + 2, len(rows))
    excluded = _ragged([rng.permutation(sorted(row)) for row in lists])
    counts = rank_counts.count_excluded_at_least(q, c, limits, excluded, query_of)
    scores = ranking.scores(q, c)
    expected = [
        sum(scores[row, e] >= limit for e in lists[row])
        for row, limit in zip(rows, limits, strict=True)
    ]
    np.testing.assert_array_equal(counts, expected)


def test_excluded_pairs_are_scored_in_blocks(monkeypatch):
    monkeypatch.setattr(rank_counts, "_PAIRS", 7)
    q, c = _whole(0, 20, 3), _whole(1, 40, 3)
    lists = [np.random.default_rng(i).permutation(40)[: i % 12] for i in range(20)]
    limits = _whole(2, 20)
    counts = rank_counts.count_excluded_at_least.python_function(q, c, limits, _ragged(lists))
    scores = ranking.scores(q, c)
    np.testing.assert_array_equal(
        counts, [sum(scores[i, row] >= limits[i]) for i, row in enumerate(lists)]
    )


@pytest.mark.parametrize(("rows", "columns"), [(1, 150), (40, 50), (64, 1), (128, 256)])
@pytest.mark.parametrize("several", [False, True])
def test_counts_are_right_at_any_block_size(monkeypatch, rows, columns, several):
    monkeypatch.setattr(rank_counts, "_ROWS", rows)
    monkeypatch.setattr(rank_counts, "_COLUMNS", columns)
    q, c, limits = _whole(0, 100, 3), _whole(1, 150, 3), _whole(2, 100)
    query_of = np.random.default_rng(3).integers(0, 100, 100) if several else np.arange(100)
    arguments = map(tf.constant, (q, c, limits, *([query_of] if several else [])))
    counts = rank_counts.count_at_least.python_function(*arguments)
    expected = (ranking.scores(q, c)[query_of] >= limits[:, None]).sum(1)
    np.testing.assert_array_equal(counts, expected)


def test_copies_of_a_vector_tie_although_rounding_separates_their_scores():
    rng = np.random.default_rng(0)
    q = rng.normal(size=(200, 64)).astype(np.float32)
    c = np.tile(rng.normal(size=(1, 64)).astype(np.float32) * 1e3, (10, 1))
    lower, upper = rank_counts.tie_bounds(q, c[:1])
    np.testing.assert_array_equal(rank_counts.count_at_least(q, c, lower), 10)
    np.testing.assert_array_equal(rank_counts.count_at_least(q, c, upper), 0)


def test_vectors_of_zeros_tie():
    q, c = np.zeros((2, 4), np.float32), np.zeros((6, 4), np.float32)
    lower, upper = rank_counts.tie_bounds(q, c[:2])
    np.testing.assert_array_equal(rank_counts.count_at_least(q, c, lower), 6)
    np.testing.assert_array_equal(rank_counts.count_at_least(q, c, upper), 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_counts_against_the_positive(bad):
    q, c = np.ones((1, 2), np.float32), np.ones((5, 2), np.float32)
    c[3] = bad
    excluded = _ragged([[1, 3]])
    _, upper = rank_counts.tie_bounds(q, c[:1])
    assert rank_counts.count_at_least(q, c, upper) == 1
    assert rank_counts.count_excluded_at_least(q, c, upper, excluded) == 1
    lower, upper = rank_counts.tie_bounds(q, c[3:4])
    for limit in (lower, upper):
        assert rank_counts.count_at_least(q, c, limit) == 5
        assert rank_counts.count_excluded_at_least(q, c, limit, excluded) == 2
