"""Cross layers as loops over the features of one row."""

import numpy as np


def matrix(x0, x, kernel, bias, diag_scale=0.0):
    """`x0_i (sum_j x_j kernel_ji + bias_i + diag_scale x_i) + x_i`, for a row."""
    width = len(x0)
    out = np.zeros(width)
    for i in range(width):
        bracket = bias[i] + diag_scale * x[i]
        for j in range(width):
            bracket += x[j] * kernel[j][i]
        out[i] = x0[i] * bracket + x[i]
    return out


def vector(x0, x, kernel, bias):
    """`x0_i (sum_j x_j kernel_j) + bias_i + x_i`, for a row."""
    scalar = sum(a * w for a, w in zip(x, kernel, strict=True))
    return np.array([x0[i] * scalar + bias[i] + x[i] for i in range(len(x0))])


def mixture(x0, x, experts, bias, gates, g):
    """The sum over experts (V [D, r], C [r, r] or None, U [r, D]) of a gate times the expert."""
    out = np.array(x, np.float64)
    for (v, c, u), gate in zip(experts, gates, strict=True):
        inner = np.asarray(x) @ v
        if c is not None:
            inner = g(g(inner) @ c)
        out += gate * np.asarray(x0) * (inner @ u + bias)
    return out
