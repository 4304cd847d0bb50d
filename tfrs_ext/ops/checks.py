"""Checks of values that a batch brings."""

import tensorflow as tf


def in_unit(values: tf.Tensor, message: str) -> tf.Operation:
    """Returns an assertion that no value lies below 0 or above 1.

    NaN passes: a diverged model is for its loss to report.

    Args:
        values: Numbers of any shape.
        message: What the error says before the least and the greatest value.
    """
    outside = tf.reduce_any((values < 0) | (values > 1))
    extremes = [tf.reduce_min(values), tf.reduce_max(values)]
    return tf.debugging.Assert(tf.logical_not(outside), [message, *extremes])
