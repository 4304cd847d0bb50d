"""The matrix of scores, against loops."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.ops.scores import largest, pairwise_scores, rowwise_scores

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("several", ["none", "queries", "candidates"])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_best_of_several_vectors_counts(several, dtype):
    queries = RNG.normal(size=(4, 3, 5) if several == "queries" else (4, 5)).astype(dtype)
    candidates = RNG.normal(size=(4, 3, 5) if several == "candidates" else (4, 5)).astype(dtype)
    expected = np.array(
        [
            [
                max(float(a @ b) for a in q.reshape(-1, 5) for b in c.reshape(-1, 5))
                for c in candidates.astype(np.float64)
            ]
            for q in queries.astype(np.float64)
        ]
    )
    scores = pairwise_scores(tf.constant(queries), tf.constant(candidates))
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)
    rows = rowwise_scores(tf.constant(queries), tf.constant(candidates))
    np.testing.assert_allclose(rows, np.diag(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_largest_of_those_that_are_valid(count):
    scores, valid = RNG.normal(size=(6, 5)), RNG.random((6, 5)) < 0.6
    values, kept, columns = largest(tf.constant(scores), tf.constant(valid), count)
    for row in range(6):
        best = np.sort(scores[row][valid[row]])[::-1][:count]
        np.testing.assert_array_equal(values[row][kept[row]], best)
        np.testing.assert_array_equal(scores[row][columns[row]], values[row])
