"""DSSM by hand in float64, from texts to the loss."""

import numpy as np

from tests.oracles.trigrams import trigrams


def counts(texts, vocabulary):
    """How often each text has each trigram; column 0 counts the unknown ones."""
    matrix = np.zeros((len(texts), 1 + len(vocabulary)))
    for row, text in enumerate(texts):
        for piece in trigrams(text):
            matrix[row, 1 + vocabulary.index(piece) if piece in vocabulary else 0] += 1
    return matrix


def embed(texts, vocabulary, weights):
    """The tower: `weights` are kernel and bias of each layer, in turn."""
    outputs = counts(texts, vocabulary)
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        outputs = np.tanh(outputs @ kernel + bias)
    return outputs


def cosines(queries, documents):
    """The cosine of each query with each document; 0 where one of them is zero."""
    matrix = np.zeros((len(queries), len(documents)))
    for i, q in enumerate(queries):
        for j, d in enumerate(documents):
            lengths = np.sqrt(q @ q) * np.sqrt(d @ d)
            matrix[i, j] = q @ d / lengths if lengths else 0.0
    return matrix


def loss(cosine, drawn, gamma):
    """The mean of -log P(d+ | q) over the positive (the diagonal) and the drawn documents."""
    rows = []
    for row, others in enumerate(drawn):
        odds = [np.exp(gamma * cosine[row, column]) for column in np.flatnonzero(others)]
        positive = np.exp(gamma * cosine[row, row])
        rows.append(-np.log(positive / (positive + sum(odds))))
    return np.mean(rows)
