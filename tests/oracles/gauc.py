"""GAUC pair by pair, and calibration bin by bin."""

import numpy as np


def auc(labels, scores, weights):
    """Share of (positive, negative) pairs that stand right; None without a pair."""
    won = pairs = 0.0
    for y, s, w in zip(labels, scores, weights, strict=True):
        for other, t, v in zip(labels, scores, weights, strict=True):
            if y == 1 and other == 0:
                pairs += w * v
                won += w * v * (1.0 if s > t else 0.5 if s == t else 0.0)
    return won / pairs if pairs else None


def gauc(labels, scores, users, weights=None, average="impressions"):
    """Returns the average over users, and how many users had rows of one class only."""
    labels, scores, users = np.asarray(labels), np.asarray(scores), np.asarray(users)
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights)
    total = norm = 0.0
    single = 0
    for user in np.unique(users):
        rows = users == user
        value = auc(labels[rows], scores[rows], weights[rows])
        if value is None:
            single += weights[rows].sum() > 0
            continue
        clicks = weights[rows & (labels == 1)].sum()
        weight = {"impressions": weights[rows].sum(), "clicks": clicks, "users": 1.0}[average]
        total += weight * value
        norm += weight
    return (total / norm if norm else 0.0), single


def calibration_error(labels, predictions, weights, num_bins):
    """Weighted mean over bins of |mean label - mean prediction|."""
    error = 0.0
    for b in range(num_bins):
        low, high = b / num_bins, (b + 1) / num_bins
        last = b == num_bins - 1
        rows = [low <= p < high or (last and p == 1) for p in predictions]
        mass = weights[rows].sum()
        if mass:
            label = (weights[rows] * labels[rows]).sum() / mass
            prediction = (weights[rows] * predictions[rows]).sum() / mass
            error += mass * abs(label - prediction)
    return error / weights.sum()
