"""What `build` is told: one shape, or the shapes of several inputs."""

from typing import Any

import tensorflow as tf


def each_shape(input_shape: Any) -> list[tf.TensorShape]:
    """Returns the shapes of all inputs, from one shape or a list of shapes."""
    nested = not isinstance(input_shape, tf.TensorShape) and any(
        isinstance(part, (list, tuple, tf.TensorShape)) for part in input_shape
    )
    return [tf.TensorShape(shape) for shape in (input_shape if nested else [input_shape])]
