"""Ranking metrics by plain loops in float64, ties by trying every order."""

import itertools
import math

import numpy as np

TOLERANCE = 1e-6


def scores(queries, candidates):
    return np.asarray(queries, np.float64) @ np.asarray(candidates, np.float64).T


def rank_bounds(queries, candidates, query, row, excluded=()):
    """Places that a positive can take, from 0, with the product's tolerance for ties."""
    left, right = np.float64(queries[query]), np.float64(candidates)
    tolerance = TOLERANCE * np.linalg.norm(left) * np.linalg.norm(right[row])
    own = left @ right[row]
    others = [c for c in range(len(right)) if c != row and c not in excluded]
    above = sum(left @ right[c] > own + tolerance for c in others)
    not_below = sum(left @ right[c] >= own - tolerance for c in others)
    return above, not_below


def hit_rate(hits, total, k):
    return float(any(hits[:k]))


def recall(hits, total, k):
    return sum(hits[:k]) / total if total else 0.0


def precision(hits, total, k):
    return sum(hits[:k]) / k


def ndcg(hits, total, k):
    gain = sum(hit / math.log2(place + 2) for place, hit in enumerate(hits[:k]))
    best = sum(1 / math.log2(place + 2) for place in range(min(total, k)))
    return gain / best if total else 0.0


def average_precision(hits, total, k):
    found = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits[:k]) if hit]
    return sum(found) / min(total, k) if total else 0.0


def reciprocal_rank(hits, total, k):
    return next((1 / (place + 1) for place, hit in enumerate(hits[:k]) if hit), 0.0)


AT_K = {
    "hit_rate": hit_rate,
    "recall": recall,
    "precision": precision,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
}


def orders(values, positives, ties):
    """Every order that `ties` admits, equally probable, as lists of hits (1) and misses (0)."""
    levels = sorted(set(values), reverse=True)
    groups = [[int(i in positives) for i in range(len(values)) if values[i] == v] for v in levels]
    if ties == "pessimistic":
        choices = [[sorted(group)] for group in groups]
    elif ties == "optimistic":
        choices = [[sorted(group, reverse=True)] for group in groups]
    else:
        choices = [list(_arrangements(len(group), sum(group))) for group in groups]
    for choice in itertools.product(*choices):
        yield [hit for group in choice for hit in group]


def _arrangements(places, hits):
    for chosen in itertools.combinations(range(places), hits):
        yield [int(place in chosen) for place in range(places)]


def metric(name, values, positives, k, ties, missed=0):
    """Mean of a metric over the orders; `missed` positives aren't candidates at all."""
    total = len(positives) + missed
    results = [AT_K[name](hits, total, k) for hits in orders(values, positives, ties)]
    return float(np.mean(results))


def first_rank(values, positives, ties):
    ranks = [hits.index(1) + 1 for hits in orders(values, positives, ties)]
    return float(np.mean(ranks))
