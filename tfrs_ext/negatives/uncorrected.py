"""The log Q of a pool that wasn't drawn by chance."""

import tensorflow as tf


def uncorrected_log_q(count: int | tf.Tensor) -> tf.Tensor:
    """Returns `-log(count)`, `[count]`: the pool as its own distribution, hence no correction."""
    # An empty pool has no rows to say it of.
    return tf.fill([count], -tf.math.log(tf.cast(tf.maximum(count, 1), tf.float32)))
