"""Filtered searches against a plain sort, where few candidates of a large corpus pass."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.indexes import Exact, ScaNN
from tfrs_ext.serving.bundle.filtering import filtered_search

C, D, B = 10_000, 4, 5
rng = np.random.default_rng(2)
VECTORS = rng.normal(size=(C, D)).astype(np.float32)
QUERIES = rng.normal(size=(B, D)).astype(np.float32)
EVERY = np.array([1, 7, 1999, 5000, 20_001])  # Query by query, one candidate of so many passes.


def search(index, k, excluded, queries=QUERIES):
    def passes(positions, rows):
        return (positions >= 0) & (
            positions % tf.gather(EVERY.astype(np.int32), rows)[:, None] == 0
        )

    run = tf.function(lambda q, k, e: filtered_search(index, q, k, e, passes))
    found = run(tf.constant(queries), tf.constant(k), tf.constant(excluded, tf.int32))
    return [part.numpy() for part in found]


@pytest.fixture(scope="module", params=[Exact, ScaNN])
def index(request):
    return request.param().index(VECTORS)


@pytest.mark.parametrize("k", [1, 3, 40])
def test_best_that_pass_are_found_however_few(index, k):
    excluded = np.array([[0], [7], [1999], [-1], [3]])
    scores, positions = search(index, k, excluded)
    exact = isinstance(index, Exact)
    for row in range(B):
        left = [i for i in range(0, C, EVERY[row]) if i != excluded[row, 0]]
        true = VECTORS[left] @ QUERIES[row]
        order = np.argsort(-true)[:k]
        padding = k - len(order)
        assert positions[row, len(order) :].tolist() == [-1] * padding
        # An approximate index answers where many pass; where few do, all are looked at.
        if exact or EVERY[row] > 1000:
            assert positions[row, : len(order)].tolist() == [left[i] for i in order]
            np.testing.assert_allclose(scores[row, : len(order)], true[order], rtol=1e-5)


def test_no_queries_are_answered_and_no_results_are_refused(index):
    assert search(index, 3, np.zeros((0, 1)), QUERIES[:0])[0].shape == (0, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`k` must be a positive integer"):
        search(index, 0, np.full((B, 1), -1))
