"""Checks of values that a batch brings."""

import tensorflow as tf

# Sums of probabilities, such as a softmax's, end a few roundings above 1.
_TOLERANCES = {tf.bfloat16: 0.02, tf.float16: 0.002, tf.float32: 1e-6, tf.float64: 1e-6}


def in_unit(values: tf.Tensor, message: str) -> tf.Operation:
    """Returns an assertion that no value lies below 0 or above 1, by more than a few roundings.

    NaN passes: a diverged model is for its loss to report.

    Args:
        values: Numbers of any shape, or booleans.
        message: What the error says before the least and the greatest value.

    Raises:
        ValueError: The values are no numbers.
    """
    if values.dtype == tf.bool:
        return tf.no_op()
    if not (values.dtype.is_floating or values.dtype.is_integer):
        raise ValueError(f"{message} values of dtype {values.dtype.name}.")
    tolerance = _TOLERANCES.get(values.dtype, 0.0)
    low, high = (tf.cast(bound, values.dtype) for bound in (-tolerance, 1 + tolerance))
    outside = tf.reduce_any((values < low) | (values > high))
    extremes = [tf.reduce_min(values), tf.reduce_max(values)]
    return tf.debugging.Assert(tf.logical_not(outside), [message, *extremes])
