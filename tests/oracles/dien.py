"""The recurrences of DIEN for one sequence, as the paper writes them."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def step(variant, x, a, h, weights):
    """One step; `weights` maps "u", "r" and "h" to (W [D, n], U [n, n], b [n], c [n])."""

    def linear(gate, state_factor=1.0, value=x):
        w, u, b, c = weights[gate]
        return value @ w + b + state_factor * (h @ u + c)

    value = a * x if variant == "AIGRU" else x
    reset = sigmoid(linear("r", value=value))
    candidate = np.tanh(linear("h", reset, value))
    if variant == "AGRU":
        update = a
    else:
        update = sigmoid(linear("u", value=value)) * (a if variant == "AUGRU" else 1.0)
    return (1 - update) * h + update * candidate


def run(variant, sequence, scores, kept, weights, units):
    """The state after every step; a padded step copies it."""
    h, states = np.zeros(units), []
    for x, a, keep in zip(sequence, scores, kept, strict=True):
        if keep:
            h = step(variant, x, a, h, weights)
        states.append(h)
    return np.array(states)


def auxiliary_loss(states, behaviours, negatives, kept, score, reduction):
    """Sums over the pairs of neighbouring kept steps: the mean over rows, or over all pairs."""
    losses = []
    for h, e, n, keep in zip(states, behaviours, negatives, kept, strict=True):
        for t in range(len(h) - 1):
            if keep[t] and keep[t + 1]:
                positive, negative = score(h[t], e[t + 1]), score(h[t], n[t + 1])
                losses.append(-np.log(sigmoid(positive)) - np.log(1 - sigmoid(negative)))
    rows, length = kept.shape
    return sum(losses) / (rows if reduction == "paper" else rows * (length - 1))
