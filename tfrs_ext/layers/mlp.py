"""A stack of dense layers."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.activations import (
    activate,
    get_activation,
    make_activation,
    serialize_activation,
)
from tfrs_ext.layers.arguments import (
    Initializer,
    Mask,
    Regularizer,
    Shape,
    check_units,
    copy_initializer,
)
from tfrs_ext.typing import Activation, Config, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class MLP(keras.layers.Layer):
    """Dense layers, each with an activation and dropout.

    `x_{l+1} = dropout(f(W_l x_l + b_l))`; without hidden layers it passes its input on.

    Args:
        hidden_units: Widths of the layers.
        activation: "dice", "prelu", what Keras takes, or a layer to be copied for each of them.
        dropout: Share of the units that are dropped in training.
        kernel_initializer: Initializer of the kernels.
        kernel_regularizer: Regularizer of the kernels.

    Call arguments:
        inputs: `[..., D]` floating point.
        mask: Boolean, of the leading dimensions, False where padded; for the activation.
        training: Whether dropout is on.

    Returns:
        `[..., hidden_units[-1]]` in the layer's compute dtype.

    Raises:
        ValueError: A width is not positive, or `dropout` not in [0, 1).

    Example:
        >>> MLP((8, 4), activation="dice")(tf.ones([2, 3])).shape
        TensorShape([2, 4])
    """

    def __init__(
        self,
        hidden_units: Sequence[int],
        activation: Activation = "relu",
        dropout: float = 0.0,
        kernel_initializer: Initializer = "glorot_uniform",
        kernel_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"`dropout` must be at least 0 and below 1, received {dropout=}.")
        self.hidden_units = check_units(hidden_units)
        self.activation = get_activation(activation)
        self.dropout = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        policy = self.dtype_policy
        self.denses = [self._make_dense(units) for units in self.hidden_units]
        self.activations = [make_activation(self.activation, policy) for _ in self.hidden_units]
        self.dropouts = [keras.layers.Dropout(dropout, dtype=policy) for _ in self.hidden_units]
        self.supports_masking = True

    def _make_dense(self, units: int) -> keras.layers.Dense:
        return keras.layers.Dense(
            units,
            kernel_initializer=copy_initializer(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            dtype=self.dtype_policy,
        )

    def build(self, input_shape: Shape) -> None:
        """Creates the weights."""
        shape = tf.TensorShape(input_shape)
        for dense, activation in zip(self.denses, self.activations, strict=True):
            dense.build(shape)
            shape = dense.compute_output_shape(shape)
            activation.build(shape)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, mask: Mask = None, training: Training = None) -> tf.Tensor:
        """Returns `[..., hidden_units[-1]]`."""
        outputs = inputs
        for dense, activation, dropout in zip(
            self.denses, self.activations, self.dropouts, strict=True
        ):
            outputs = dropout(activate(activation, dense(outputs), mask), training=training)
        return outputs

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "hidden_units": self.hidden_units,
            "activation": serialize_activation(self.activation),
            "dropout": self.dropout,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
