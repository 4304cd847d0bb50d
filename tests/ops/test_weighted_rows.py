"""Weighted sums of a table's rows."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_ext.ops.weighted_rows import weighted_rows


def draw(batch, length, width, size, dtype=np.float64):
    rng = np.random.default_rng(batch * 100 + length)
    vectors, weights, upstream = (
        rng.normal(size=shape).astype(dtype)
        for shape in ((size, width), (batch, length), (batch, width))
    )
    return vectors, rng.integers(0, size, (batch, length)), weights, upstream


def value_and_gradients(vectors, rows, weights, upstream):
    vectors, weights = tf.constant(vectors), tf.constant(weights)
    with tf.GradientTape() as tape:
        tape.watch([vectors, weights])
        value = weighted_rows(vectors, tf.constant(rows), weights)
        loss = tf.reduce_sum(value * upstream)
    return [value, *tape.gradient(loss, [vectors, weights])]


def by_loops(vectors, rows, weights, upstream):
    value, of_vectors = np.zeros_like(upstream), np.zeros_like(vectors)
    of_weights = np.zeros_like(weights)
    for b, place in np.ndindex(rows.shape):
        value[b] += weights[b, place] * vectors[rows[b, place]]
        of_vectors[rows[b, place]] += weights[b, place] * upstream[b]
        of_weights[b, place] = upstream[b] @ vectors[rows[b, place]]
    return [value, of_vectors, of_weights]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(1, 7))
def test_value_and_gradients_equal_the_loops(batch, length, width, size):
    arrays = draw(batch, length, width, size)
    for ours, true in zip(value_and_gradients(*arrays), by_loops(*arrays), strict=True):
        np.testing.assert_allclose(ours, true, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("index", [tf.int32, tf.int64])
def test_graphs_of_unknown_shapes(index):
    vectors, rows, weights, upstream = draw(3, 4, 2, 5, np.float32)
    spec = [
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None, None], index),
        tf.TensorSpec([None, None], tf.float32),
    ]

    @tf.function(input_signature=spec)
    def gradient(vectors, rows, weights):
        loss = tf.reduce_sum(weighted_rows(vectors, rows, weights) * upstream)
        return tf.gradients(loss, [vectors, weights])

    expected = by_loops(vectors, rows, weights, upstream)[1:]
    for ours, true in zip(gradient(vectors, rows, weights), expected, strict=True):
        np.testing.assert_allclose(ours, true, rtol=1e-4, atol=1e-6)


def test_half_precision_sums_in_float32():
    """A thousand uses of 0.001 vanish beside 1 in float16's sums."""
    rows = np.zeros((1001, 1), int)
    weights = np.array([[1.0]] + [[0.0004]] * 1000, np.float16)
    ones = np.ones((1001, 1), np.float16)
    _, of_vectors, _ = value_and_gradients(np.ones((1, 1), np.float16), rows, weights, ones)
    assert of_vectors.dtype == tf.float16
    np.testing.assert_allclose(of_vectors.numpy(), [[1.4]], rtol=1e-3)
