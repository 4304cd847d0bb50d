"""The losses of one row, `(positive, negatives)`, as the articles write them, in float64."""

import numpy as np

from tests.oracles.softmax import logsumexp


def sigmoid(x):
    return 1 / (1 + np.exp(-np.float64(x)))


def softmax(positive, negatives):
    return -positive + logsumexp([positive, *negatives])


def corrected_softmax(positive, negatives):
    """Negatives already are `s - log Q'`."""
    return -np.log(np.exp(positive) / (np.exp(positive) + np.mean(np.exp(negatives))))


def pairwise(positive, negatives):
    return np.mean([-np.log(sigmoid(positive - negative)) for negative in negatives])


def triplet_all(positive, negatives, margin):
    return np.mean([max(0.0, margin - positive + negative) for negative in negatives])


def triplet_hard(positive, negatives, margin):
    return max(0.0, margin - positive + max(negatives))


def triplet_semi_hard(positive, negatives, margin):
    under = [negative for negative in negatives if negative < positive]
    return max(0.0, margin - positive + (max(under) if under else min(negatives)))


def generalised_binary(positive, negatives, beta):
    terms = [np.log(1 - sigmoid(negative)) for negative in negatives]
    return -(beta * np.log(sigmoid(positive)) + sum(terms)) / (len(negatives) + 1)


def gbce(positive, negatives, num_items, t):
    alpha = len(negatives) / (num_items - 1)
    return generalised_binary(positive, negatives, alpha * (t * (1 - 1 / alpha) + 1 / alpha))


def corrected_log_q(positive, negatives, negative_q, positive_q):
    """The paper's own value: `-(1 - P) * log(exp(s_p) / sum exp(s_d - log Q'(d)))`."""
    sampled = np.exp(negatives) / (np.asarray(negative_q) / (1 - positive_q))
    probability = np.exp(positive) / (np.exp(positive) + np.mean(sampled))
    return -(1 - probability) * np.log(np.exp(positive) / np.sum(sampled))
