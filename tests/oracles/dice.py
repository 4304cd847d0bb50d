"""Dice, channel by channel and value by value."""

import numpy as np


def dice(values, alpha, epsilon=1e-8, mask=None, mean=None, variance=None):
    """Values `[..., C]`; statistics are those of the kept values unless they are given."""
    values = np.asarray(values, np.float64)
    kept = np.ones(values.shape[:-1], bool) if mask is None else np.asarray(mask)
    out = np.zeros_like(values)
    for channel in range(values.shape[-1]):
        column = values[..., channel]
        m = column[kept].mean() if mean is None else mean
        v = ((column[kept] - m) ** 2).mean() if variance is None else variance
        for where in np.ndindex(column.shape):
            s = column[where]
            p = 1 / (1 + np.exp(-(s - m) / np.sqrt(v + epsilon)))
            out[(*where, channel)] = p * s + (1 - p) * alpha * s
    return out
