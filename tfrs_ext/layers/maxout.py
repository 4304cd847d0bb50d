"""Maxout, a dense layer that learns its own activation."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Initializer, Regularizer, Shape
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Maxout(keras.layers.Layer):
    """Takes, for every unit, the largest of several linear functions of the input.

    `y_i = max_k (x . W_ik + b_ik)`: a convex function that is learned; with two pieces it
    contains ReLU, leaky ReLU, PReLU and the absolute value.

    Args:
        units: Width of the output.
        num_pieces: How many linear functions a unit has.
        use_bias: Whether they have a bias.
        kernel_initializer: Initializer of the kernel `[D, units * num_pieces]`.
        bias_initializer: Initializer of the bias.
        kernel_regularizer: Regularizer of the kernel.

    Call arguments:
        inputs: `[..., D]` floating point.

    Returns:
        `[..., units]` in the layer's compute dtype.

    Raises:
        ValueError: `units` or `num_pieces` is less than 1.

    Relations:
        It needs `num_pieces` times a `Dense`'s weights; `keras.layers.PReLU` or `Dice` learn less
        and cost less.

    Example:
        >>> Maxout(2, num_pieces=3)(tf.ones([4, 5])).shape
        TensorShape([4, 2])

    References:
        I. Goodfellow et al., 2013. Maxout Networks. arXiv:1302.4389.
    """

    def __init__(
        self,
        units: int,
        num_pieces: int = 2,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if units < 1 or num_pieces < 1:
            raise ValueError(
                f"`units` and `num_pieces` must be at least 1, received {units=}, {num_pieces=}."
            )
        self.units = units
        self.num_pieces = num_pieces
        self.dense = keras.layers.Dense(
            units * num_pieces,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            dtype=self.dtype_policy,
        )
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Creates the weights."""
        self.dense.build(input_shape)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns `[..., units]`."""
        pieces = self.dense(inputs)
        shape = tf.concat([tf.shape(pieces)[:-1], [self.units, self.num_pieces]], 0)
        outputs = tf.reduce_max(tf.reshape(pieces, shape), -1)
        return tf.ensure_shape(outputs, [*inputs.shape[:-1], self.units])

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        dense = self.dense
        return {
            **super().get_config(),
            "units": self.units,
            "num_pieces": self.num_pieces,
            "use_bias": dense.use_bias,
            "kernel_initializer": keras.initializers.serialize(dense.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(dense.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(dense.kernel_regularizer),
        }
