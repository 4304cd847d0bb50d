"""Calibration of a retriever, query by query in float64."""

import numpy as np


def outcomes(queries, candidates, positives, seen, k, temperature):
    """Promise, chance of a hit, and log-probability of every positive."""
    found = []
    for i, wanted in enumerate(positives):
        rest = [c for c in range(len(candidates)) if c in wanted or c not in seen[i]]
        scores = {c: float(np.dot(queries[i], candidates[c])) / temperature for c in rest}
        total = sum(np.exp(score) for score in scores.values())
        p = {c: np.exp(score) / total for c, score in scores.items()}
        promise = sum(sorted(p.values())[-k:])
        for c in wanted:
            above = sum(p[o] > p[c] for o in rest)
            ties = sum(p[o] == p[c] for o in rest)
            found.append((promise, min(max((k - above) / ties, 0), 1), np.log(p[c])))
    return found
