"""Mean and variance per channel, of the steps that a mask keeps, over one or all replicas."""

import tensorflow as tf


def masked_moments(
    values: tf.Tensor, mask: tf.Tensor | None, axes: list[int], synchronized: bool = False
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns mean, variance and count, with `axes` kept as dimensions of 1.

    Args:
        values: Float32 or float64, of any shape.
        mask: Boolean, broadcastable to `values`, or None.
        axes: What is averaged over.
        synchronized: Whether the replicas of the current strategy share their sums.
    """
    weights = tf.ones([1] * values.shape.rank, values.dtype)
    if mask is not None:
        weights = tf.cast(mask, values.dtype)
        # The value at a masked step may be anything, NaN too: 0 * NaN would be NaN.
        values = tf.where(mask, values, 0)
    repeats = tf.gather(tf.shape(values), axes) // tf.gather(tf.shape(weights), axes)
    count = tf.reduce_sum(weights, axes, keepdims=True)
    count *= tf.cast(tf.reduce_prod(repeats), values.dtype)
    total = tf.reduce_sum(values, axes, keepdims=True)
    count, total = _over_replicas(count, synchronized), _over_replicas(total, synchronized)
    mean = tf.math.divide_no_nan(total, count)
    # Two passes, since E[x^2] - E[x]^2 loses all digits where the mean is large.
    squares = tf.reduce_sum(weights * tf.square(values - mean), axes, keepdims=True)
    variance = tf.math.divide_no_nan(_over_replicas(squares, synchronized), count)
    return mean, variance, count


def _over_replicas(value: tf.Tensor, synchronized: bool) -> tf.Tensor:
    context = tf.distribute.get_replica_context() if synchronized else None
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
