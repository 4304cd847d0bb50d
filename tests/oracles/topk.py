"""The best candidates of a query, by sorting all of them."""

import numpy as np


def top_k(queries, candidates, k, excluded=None):
    """Rows of the k largest dot products of each query, equal ones in order of row."""
    answers = []
    for i, query in enumerate(np.asarray(queries, np.float64)):
        scores = [float(np.dot(query, candidate)) for candidate in np.asarray(candidates)]
        banned = set() if excluded is None else set(excluded[i])
        order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
        answers.append([row for row in order if row not in banned][:k])
    return answers
