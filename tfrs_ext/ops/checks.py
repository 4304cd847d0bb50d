"""Checks of values that a batch brings."""

import tensorflow as tf

from tfrs_ext.ops import spans

# Sums of probabilities, such as a softmax's, end a few roundings above 1.
_TOLERANCES = {tf.bfloat16: 0.02, tf.float16: 0.002, tf.float32: 1e-6, tf.float64: 1e-6}


def all_true(condition: tf.Tensor, message: str, *values: tf.Tensor) -> tf.Operation | None:
    """Returns an assertion, which does nothing where the condition is known to hold.

    `tf.debugging` wraps an assertion in a branch, which costs a graph's optimizer its loops and
    prints a warning at every trace; this one is the operation alone.

    Args:
        condition: Boolean of any shape; all of it must be True.
        message: What the error says before the values.
        *values: What the error shows.
    """
    known = tf.get_static_value(condition)
    if known is not None and known.all():
        return tf.no_op()
    if tf.executing_eagerly():  # The operation would put the name of a function before it.
        shown = " ".join(str(value.numpy()) for value in values)
        raise tf.errors.InvalidArgumentError(None, None, f"{message} {shown}".rstrip())
    if condition.shape.rank != 0:
        condition = tf.reduce_all(condition)
    return tf.raw_ops.Assert(condition=condition, data=[message, *values])


def in_unit(values: tf.Tensor, message: str) -> tf.Operation | None:
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
    outside = (values < low) | (values > high)
    return all_true(~outside, message, tf.reduce_min(values), tf.reduce_max(values))


def same_size(
    name: str, tensor: tf.Tensor, axis: int, size: int | tf.Tensor, what: str
) -> tf.Operation | None:
    """Raises where sizes are known and differ; where one isn't known, returns an assertion.

    Args:
        name: What the error calls the tensor.
        tensor: The tensor.
        axis: The axis that is compared.
        size: The size that it must have.
        what: What has that size.
    """
    wanted = tf.get_static_value(size)
    received = tensor.shape[axis] if tensor.shape.rank is not None else None
    if wanted is not None and received is not None:
        if received != wanted:
            raise ValueError(
                f"`{name}` must be of size {wanted} in axis {axis}, as {what}, received "
                f"shape={tensor.shape}."
            )
        return None
    message = f"`{name}` must have as many entries as {what}."
    found = tf.convert_to_tensor(spans.size(tensor, axis))
    return all_true(tf.equal(found, size), message, found, tf.convert_to_tensor(size))


def is_log_probability(log_q: tf.Tensor, message: str) -> tf.Operation | None:
    """Returns an assertion that all values are finite and at most 0, but for rounding."""
    # Probabilities of 1 may come out of float32 sums slightly above.
    fine = tf.math.is_finite(log_q) & (log_q <= tf.constant(1e-5, log_q.dtype))
    return all_true(fine, message)


def is_probability(values: tf.Tensor, message: str) -> tf.Operation | None:
    """Returns an assertion that all values are above 0 and at most 1, but for rounding."""
    fine = (values > 0) & (values <= 1 + 1e-5)
    return all_true(fine, message, tf.reduce_min(values), tf.reduce_max(values))


def check_same_rows(one: tf.Tensor, other: tf.Tensor, message: str) -> None:
    """Raises where two tensors are known to be of another number of rows: Keras would repeat one.

    Args:
        one: A tensor `[B, ...]`.
        other: Another tensor `[B, ...]`.
        message: What the error says before both shapes.

    Raises:
        ValueError: The numbers of rows differ.
    """
    if (
        one.shape.rank
        and other.shape.rank
        and not one.shape[:1].is_compatible_with(other.shape[:1])
    ):
        raise ValueError(f"{message}, received shapes {one.shape} and {other.shape}.")
