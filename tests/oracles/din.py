"""Attention of DIN for one query and one history, step by step."""

import numpy as np


def features(q, k, interaction):
    """What the activation unit sees of one behaviour."""
    if interaction == "difference":
        return np.concatenate([q, k, q - k, q * k])
    return np.concatenate([q, k, [qi * kj for qi in q for kj in k]])


def attention(q, keys, kept, layers, f, interaction="difference", softmax=False, scale=False):
    """Returns the pooled history and the weights.

    Args:
        q: `[D]`.
        keys: `[L, D]`.
        kept: `[L]` booleans.
        layers: (kernel, bias) of every layer, the output layer last.
        f: The hidden activation, of a vector.
        interaction: As in the layer.
        softmax: Whether the weights sum to 1.
        scale: Whether scores are divided by sqrt(D).
    """
    weights = np.zeros(len(keys))
    for step, k in enumerate(keys):
        if not kept[step]:
            continue
        h = features(q, k, interaction)
        for kernel, bias in layers[:-1]:
            h = f(h @ kernel + bias)
        kernel, bias = layers[-1]
        weights[step] = (h @ kernel + bias).item() / (np.sqrt(len(q)) if scale else 1)
    if softmax and any(kept):
        exp = np.where(kept, np.exp(weights - weights.max()), 0)
        weights = exp / exp.sum()
    pooled = np.zeros(len(q))
    for weight, k in zip(weights, keys, strict=True):
        pooled += weight * k
    return pooled, weights
