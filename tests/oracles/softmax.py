"""Softmax losses and their gradients in plain loops and float64."""

import numpy as np


def negatives_of(row, row_ids, candidate_ids, mask, size):
    """Columns that are negatives of a row."""
    columns = range(size)
    if row_ids is not None:
        columns = [j for j in columns if candidate_ids[j] != row_ids[row]]
    if mask is not None:
        columns = [j for j in columns if mask[row, j]]
    return list(columns)


def logsumexp(values):
    largest = max(values)
    return largest + np.log(sum(np.exp(value - largest) for value in values))


def row(positive, logits, average):
    """Value, derivative by the positive, and derivatives by the negatives' logits."""
    if len(logits) == 0:
        return 0.0, 0.0, np.zeros(0)
    logits = np.asarray(logits, np.float64) - (np.log(len(logits)) if average else 0.0)
    total = logsumexp([positive, *logits])
    return total - positive, np.exp(positive - total) - 1, np.exp(logits - total)


def cross_entropy(
    queries,
    candidates,
    positive,
    scale=1.0,
    bias=None,
    row_ids=None,
    candidate_ids=None,
    mask=None,
    weight=None,
    average=False,
):
    """The weighted rows, and the gradients of their sum by name."""
    queries, candidates = np.float64(queries), np.float64(candidates)
    size = len(candidates)
    bias = np.zeros(size) if bias is None else np.float64(bias)
    weight = np.ones(len(queries)) if weight is None else np.float64(weight)
    values = np.zeros(len(queries))
    gradients = {
        "queries": np.zeros_like(queries),
        "candidates": np.zeros_like(candidates),
        "positive": np.zeros(len(queries)),
        "scale": 0.0,
        "bias": np.zeros(size),
    }
    for i, query in enumerate(queries):
        columns = negatives_of(i, row_ids, candidate_ids, mask, size)
        logits = [scale * query @ candidates[j] + bias[j] for j in columns]
        value, slope, slopes = row(float(positive[i]), logits, average)
        values[i] = weight[i] * value
        gradients["positive"][i] = weight[i] * slope
        for j, d_logit in zip(columns, weight[i] * slopes, strict=True):
            gradients["queries"][i] += d_logit * scale * candidates[j]
            gradients["candidates"][j] += d_logit * scale * query
            gradients["scale"] += d_logit * query @ candidates[j]
            gradients["bias"][j] += d_logit
    return values, gradients
