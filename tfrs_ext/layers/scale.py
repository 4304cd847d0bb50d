"""What the temperatures share: without scores they give the scale, with scores they apply it."""

from numbers import Real
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras


class Scale(keras.layers.Layer):
    """Gives `1 / temperature`, or scores times it, in float32."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    # Keras 2 refuses a call without a first argument.
    def __call__(self, scores: tf.Tensor | None = None, **kwargs: Any) -> tf.Tensor:
        """Calls the layer, with scores or without."""
        return super().__call__(scores, **kwargs)

    def call(self, scores: tf.Tensor | None = None, training: bool | None = None) -> tf.Tensor:
        """Returns the scale, a scalar, or `scores` times it."""
        scale = self.scale(training)
        return scale if scores is None else tf.cast(scores, tf.float32) * scale

    def scale(self, training: bool | None = None) -> tf.Tensor:
        """Returns `1 / temperature`, a float32 scalar."""
        raise NotImplementedError


def check_temperature(name: str, value: float) -> float:
    """Returns `value` as a float, or says that it isn't a temperature."""
    if not (isinstance(value, Real) and 0 < value < float("inf")):
        raise ValueError(f"`{name}` must be > 0, received {name}={value!r}.")
    return float(value)
