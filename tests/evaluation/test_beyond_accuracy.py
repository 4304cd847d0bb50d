"""Exposure, surprise, diversity, popularity groups and geometry, against loops and known cases."""

import itertools

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from tfrs_ext import evaluation

RNG = np.random.default_rng(0)
LISTS = np.array([RNG.permutation(12)[:4] for _ in range(9)])
POPULARITY = RNG.integers(0, 50, 12)
VECTORS = RNG.normal(size=(12, 5))


def test_coverage_counts_what_anybody_is_shown():
    assert evaluation.catalog_coverage(LISTS, 30) == len(set(LISTS.ravel().tolist())) / 30
    assert evaluation.catalog_coverage([[2, -1], [2, -1]], 4) == 0.25
    with pytest.raises(ValueError, match="must be positions below 3, received 11"):
        evaluation.catalog_coverage(LISTS, 3)


def test_gini_is_the_mean_absolute_difference_over_twice_the_mean():
    shown = np.bincount(LISTS.ravel(), minlength=15)
    expected = np.mean(np.abs(shown[:, None] - shown)) / (2 * shown.mean())
    np.testing.assert_allclose(evaluation.exposure_gini(LISTS, 15), expected)
    np.testing.assert_allclose(evaluation.exposure_gini([[3]] * 5, 10), 1 - 1 / 10)
    with pytest.raises(ValueError, match="must hold at least one position"):
        evaluation.exposure_gini([[-1]], 3)


def test_novelty_of_lists_drawn_by_popularity_is_its_entropy():
    popularity = np.array([8, 4, 2, 1, 1])
    lists = np.repeat(np.arange(5), popularity)[:, None]
    np.testing.assert_allclose(evaluation.novelty(lists, popularity), 1.875)
    assert evaluation.novelty([[3, -1]], popularity) == 4.0
    assert evaluation.novelty([[1]], [15, 0]) == 4.0
    with pytest.raises(ValueError, match="`recommendations` must hold an item"):
        evaluation.novelty([[-1, -1]], popularity)


def test_surprises_are_counted_with_ragged_positives():
    shown, wanted = [[0, 5], [0, 6]], [[0, 5], [0]]
    for positives in (wanted, tf.ragged.constant(wanted)):
        assert evaluation.serendipity(shown, positives, [0, 1]) == 0.25


def test_serendipity_counts_hits_that_the_expected_list_lacks():
    positives = [RNG.permutation(12)[: i % 4].tolist() for i in range(9)]
    for expected in (np.arange(3), RNG.integers(0, 12, (9, 3))):
        usual = np.broadcast_to(expected, (9, 3))
        shares = [
            sum(item in wanted and item not in known for item in row) / 4
            for row, wanted, known in zip(LISTS, positives, usual, strict=True)
        ]
        found = evaluation.serendipity(LISTS, positives, expected)
        np.testing.assert_allclose(found, np.mean(shares))
    with pytest.raises(ValueError, match="`positives` must have an entry for each of the 9"):
        evaluation.serendipity(LISTS, positives[:3], [0])


def test_diversity_is_the_mean_distance_of_pairs():
    lists = [*LISTS.tolist(), [3, 7, -1, -1], [5, -1, -1, -1]]
    means = []
    for row in lists:
        pairs = list(itertools.combinations([item for item in row if item >= 0], 2))
        distances = [
            1 - VECTORS[i] @ VECTORS[j] / np.linalg.norm(VECTORS[i]) / np.linalg.norm(VECTORS[j])
            for i, j in pairs
        ]
        means += [np.mean(distances)] if pairs else []
    np.testing.assert_allclose(evaluation.intra_list_diversity(lists, VECTORS), np.mean(means))
    with pytest.raises(ValueError, match="must have a list of two"):
        evaluation.intra_list_diversity([[1, -1]], VECTORS)


@pytest.mark.parametrize("groups", [1, 3, 10, 12])
def test_groups_descend_in_popularity_and_are_of_one_size(groups):
    group_of = evaluation.popularity_groups(POPULARITY, groups)
    sizes = np.bincount(group_of)
    assert len(sizes) == groups
    assert sizes.max() - sizes.min() <= 1
    for group in range(groups - 1):
        assert POPULARITY[group_of == group].min() >= POPULARITY[group_of == group + 1].max()
    with pytest.raises(ValueError, match=r"`groups` must lie between 1 and .* 12"):
        evaluation.popularity_groups(POPULARITY, 13)


@pytest.mark.parametrize("ragged", [True, False])
def test_groups_split_the_hits_between_them(ragged):
    queries = RNG.normal(size=(30, 5))
    positives = [RNG.permutation(12)[: 1 + i % 3].tolist() for i in range(30)]
    given = tf.ragged.constant(positives) if ragged else positives

    def evaluate(wanted):
        return evaluation.evaluate_retrieval(queries, VECTORS, wanted, ks=[4])

    group_of = evaluation.popularity_groups(POPULARITY, 3)
    results = evaluation.evaluate_by_group(evaluate, given, group_of)
    best = np.argsort(-queries @ VECTORS.T)[:, :4]
    for group, result in results.items():
        own = [[p for p in row if group_of[p] == group] for row in positives]
        recall = [np.mean(np.isin(o, b)) for o, b in zip(own, best, strict=True) if o]
        np.testing.assert_allclose(result["recall_at_4"], np.mean(recall))
    parts = [r.values("precision_at_4").sum() for r in results.values()]
    np.testing.assert_allclose(sum(parts), evaluate(positives).values("precision_at_4").sum())


def test_alignment_has_its_known_values():
    assert evaluation.alignment(VECTORS, VECTORS * 3) == pytest.approx(0, abs=1e-15)
    assert evaluation.alignment([[1.0, 0.0]], [[-2.0, 0.0]]) == 4.0
    assert evaluation.alignment([[1.0, 0.0]], [[-2.0, 0.0]], alpha=1.0) == 2.0
    with pytest.raises(ValueError, match="must have the shape of `query_embeddings`"):
        evaluation.alignment(VECTORS, VECTORS[:3])


@pytest.mark.parametrize("block", [1, 5, 1024])
def test_uniformity_is_the_log_of_the_mean_potential_of_pairs(monkeypatch, block):
    monkeypatch.setitem(evaluation.uniformity.__globals__, "_VECTORS_IN_BLOCK", block)
    units = VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True)
    pairs = itertools.combinations(units, 2)
    potentials = [np.exp(-3 * np.sum((left - right) ** 2)) for left, right in pairs]
    np.testing.assert_allclose(evaluation.uniformity(VECTORS, t=3), np.log(np.mean(potentials)))
    assert evaluation.uniformity(np.ones((4, 3))) == pytest.approx(0, abs=1e-12)
    assert evaluation.uniformity(np.eye(2)) == pytest.approx(-4)
    with pytest.raises(ValueError, match="must hold at least two vectors, received 1"):
        evaluation.uniformity(VECTORS[:1])


def test_effective_rank_lies_between_one_and_the_width():
    assert evaluation.effective_rank(np.eye(6)) == pytest.approx(6)
    assert evaluation.effective_rank(np.ones((8, 6))) == pytest.approx(1)
    values = np.linalg.svd(VECTORS, compute_uv=False)
    expected = np.exp(scipy.stats.entropy(values))
    np.testing.assert_allclose(evaluation.effective_rank(VECTORS), expected)
    with pytest.raises(ValueError, match="must not all be zero"):
        evaluation.effective_rank(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="must be a matrix"):
        evaluation.effective_rank(np.zeros(3))


def test_norms_correlate_with_popularity_as_spearman_says():
    counts = np.round(POPULARITY, -1)
    expected = scipy.stats.spearmanr(np.linalg.norm(VECTORS, axis=1), counts).statistic
    found = evaluation.norm_popularity_correlation(VECTORS, counts)
    np.testing.assert_allclose(found, expected)
