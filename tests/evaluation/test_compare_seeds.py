import numpy as np
import pytest

from tfrs_ext import evaluation

RNG = np.random.default_rng(0)
QUERIES = RNG.normal(size=400)


def _runs(mean, spread, count, seed):
    luck = np.random.default_rng(seed).normal(scale=spread, size=count)
    return [evaluation.RetrievalResult({"ndcg_at_10": QUERIES + mean + x}) for x in luck]


def test_the_interval_has_the_width_that_the_luck_of_seeds_gives():
    ours, theirs = _runs(0.5, 0.2, 40, 1), _runs(0.0, 0.2, 60, 2)
    interval = evaluation.compare_seeds(ours, theirs, "ndcg_at_10")
    means = [[run["ndcg_at_10"] for run in side] for side in (ours, theirs)]
    assert interval.mean == pytest.approx(np.mean(means[0]) - np.mean(means[1]))
    half = 1.96 * np.sqrt(np.var(means[0]) / 40 + np.var(means[1]) / 60)
    np.testing.assert_allclose(interval.high - interval.low, 2 * half, rtol=0.1)


def test_seeds_that_differ_make_sure_what_single_runs_would_claim():
    ours, theirs = _runs(0.05, 0.3, 4, 3), _runs(0.0, 0.3, 4, 4)
    single = ours[0].paired_difference(theirs[0], "ndcg_at_10")
    assert not single.low <= 0 <= single.high  # Sure of a difference between two models,
    both = evaluation.compare_seeds(ours, theirs, "ndcg_at_10")
    assert both.low < 0 < both.high  # which says nothing about how they were trained.


def test_queries_are_drawn_too_and_users_together():
    noise = RNG.normal(size=(4, 40))
    users = np.repeat(np.arange(40), 10)
    runs = [evaluation.RetrievalResult({"ndcg_at_10": row[users]}) for row in noise]
    one, other = (
        evaluation.compare_seeds(runs[:2], runs[2:], "ndcg_at_10", clusters=clusters)
        for clusters in (None, users)
    )
    assert other.high - other.low > 1.5 * (one.high - one.low)


def test_one_training_is_not_enough():
    with pytest.raises(ValueError, match="at least two trainings each, received 1 and 2"):
        evaluation.compare_seeds(_runs(0, 1, 1, 0), _runs(0, 1, 2, 1), "ndcg_at_10")
