"""Weighted sums of a table's rows, whose gradient never holds a row for every use."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfrs_ext.ops.custom_gradient import custom_gradient


def weighted_rows(vectors: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns `y_b = sum_l weights_bl vectors[rows_bl]`.

    As the product of the gathered rows with the weights, but the gradient of `vectors` is one
    product of a sparse matrix, in float32 or wider, where autodiff would write `[B, L, D]` and
    leave it to the optimizer to sum. Hand over distinct rows of an embedding table, so that the
    optimizer sums nothing: `tf.unique` gives them, with `rows`.

    Args:
        vectors: `[U, D]` floating point.
        rows: `[B, L]` int32 or int64 below U.
        weights: `[B, L]` of the vectors' dtype.

    Returns:
        `[B, D]` of the vectors' dtype.

    Example:
        >>> weighted_rows(tf.constant([[1.0], [10.0]]), tf.constant([[1, 1]]),
        ...               tf.constant([[0.5, 1.0]])).numpy()
        array([[15.]], dtype=float32)
    """
    summed: tf.Tensor = _weighted_rows(vectors, rows, weights)
    return summed


@custom_gradient
def _weighted_rows(
    vectors: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor
) -> tuple[tf.Tensor, Callable[..., Any]]:
    gathered = tf.gather(vectors, rows)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, tf.Tensor]:
        of_weights = tf.einsum("bd,bld->bl", upstream, gathered)
        return _spread(upstream, rows, weights, tf.shape(vectors)[0]), None, of_weights

    return tf.einsum("bl,bld->bd", weights, gathered), gradient


def _spread(upstream: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns for each of the rows the weighted sum of the gradients where it was used."""
    wide = tf.float64 if upstream.dtype == tf.float64 else tf.float32
    batch = tf.broadcast_to(tf.range(tf.shape(rows)[0])[:, None], tf.shape(rows))
    places = tf.stack([batch, tf.cast(rows, tf.int32)], axis=-1)
    matrix = tf.SparseTensor(
        tf.cast(tf.reshape(places, [-1, 2]), tf.int64),
        tf.cast(tf.reshape(weights, [-1]), wide),
        tf.cast(tf.stack([tf.shape(rows)[0], size]), tf.int64),
    )
    spread = tf.sparse.sparse_dense_matmul(matrix, tf.cast(upstream, wide), adjoint_a=True)
    return tf.cast(spread, upstream.dtype)
