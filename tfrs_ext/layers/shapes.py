"""What `build` is told: one shape, or the shapes of several inputs."""

from typing import Any

import tensorflow as tf


def each_shape(input_shape: Any) -> list[tf.TensorShape]:
    """Returns the shapes of all inputs, from one shape or a list of shapes."""
    nested = not isinstance(input_shape, tf.TensorShape) and any(
        isinstance(part, (list, tuple, tf.TensorShape)) for part in input_shape
    )
    return [tf.TensorShape(shape) for shape in (input_shape if nested else [input_shape])]


def check_mask(mask: tf.Tensor | None, sequence: tf.Tensor) -> None:
    """Says so where the mask is of another batch or length than the sequence."""
    if mask is not None and not mask.shape.is_compatible_with(sequence.shape[:2]):
        raise ValueError(
            "`mask` must have the batch and the length of the sequence, received a mask of shape "
            f"{mask.shape} with a sequence of shape {sequence.shape}."
        )
