"""Mean and variance per channel, of the rows that a mask keeps, over one or all replicas."""

import tensorflow as tf


def masked_moments(
    values: tf.Tensor, mask: tf.Tensor | None, synchronized: bool = False
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns mean `[1, C]`, variance `[1, C]` and the count of rows `[]`.

    Args:
        values: `[N, C]` float32 or float64.
        mask: `[N]` boolean, or None.
        synchronized: Whether the replicas of the current strategy share their sums.
    """
    if mask is None:
        weights = tf.ones([1, tf.shape(values)[0]], values.dtype)
    else:
        weights = tf.cast(mask, values.dtype)[None]
        # What is masked may be anything, NaN too: 0 * NaN would be NaN.
        values = tf.where(mask[:, None], values, 0)
    count = _over_replicas(tf.reduce_sum(weights), synchronized)
    # Sums as products, which take half the time of a reduction over the rows.
    total = _over_replicas(tf.matmul(weights, values), synchronized)
    rounded = tf.math.divide_no_nan(total, count)
    # Two passes, since E[x^2] - E[x]^2 loses all digits where the mean is large. The second also
    # finds by how much the first was off: rows that are all 100.1 have a sum of many roundings,
    # and their mean must be 100.1, because it is divided by a deviation of nearly nothing.
    rest = values - rounded
    sums = (tf.matmul(weights, rest), tf.matmul(weights, tf.square(rest)))
    off, squares = (
        tf.math.divide_no_nan(_over_replicas(part, synchronized), count) for part in sums
    )
    return rounded + off, tf.maximum(squares - tf.square(off), 0), count


def _over_replicas(value: tf.Tensor, synchronized: bool) -> tf.Tensor:
    context = tf.distribute.get_replica_context() if synchronized else None
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.SUM, value)
