"""A GRU's step in which attention is the update gate."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Initializer, Pair, Regularizer, Shapes, States, each_shape
from tfrs_ext.typing import Activation, Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class AGRUCell(keras.layers.Layer):
    """One step of a GRU whose update gate is an attention score.

    `r = sigmoid(W_r x + U_r h + b_r)`, `h~ = tanh(W x + r * (U h + c) + b)`,
    `h' = (1 - a) h + a h~`.

    It has two thirds of a GRU's weights, and one number in place of a gate a channel;
    `AUGRUCell` has both.

    Args:
        units: Width of the state.
        activation: The activation of the candidate state.
        recurrent_activation: The activation of the reset gate.
        kernel_initializer: Initializer of the inputs' kernel.
        recurrent_initializer: Initializer of the state's kernel.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of the inputs' kernel.
        recurrent_regularizer: Regularizer of the state's kernel.

    Call arguments:
        inputs: A pair `(x, a)`: `[B, D]` floating point, and the score `[B, 1]` in `[0, 1]`.
        states: The state `[B, units]`, alone or in a list.

    Returns:
        The new state, twice, as cells do.

    Example:
        >>> outputs = keras.layers.RNN(AGRUCell(4))((tf.ones([1, 3, 5]), tf.zeros([1, 3, 1])))
        >>> outputs.numpy()
        array([[0., 0., 0., 0.]], dtype=float32)

    References:
        G. Zhou et al., 2019. Deep Interest Evolution Network for Click-Through Rate Prediction.
        arXiv:1809.03672.
    """

    def __init__(
        self,
        units: int,
        activation: Activation = "tanh",
        recurrent_activation: Activation = "sigmoid",
        kernel_initializer: Initializer = "glorot_uniform",
        recurrent_initializer: Initializer = "orthogonal",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        recurrent_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if units < 1:
            raise ValueError(f"`units` must be at least 1, received {units=}.")
        self.units = units
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.state_size = units
        self.output_size = units

    def build(self, input_shape: Shapes) -> None:
        """Creates the weights."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(each_shape(input_shape)[0][-1], 2 * self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(self.units, 2 * self.units),
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
        )
        self.bias = self.add_weight(
            name="bias", shape=(2, 2 * self.units), initializer=self.bias_initializer
        )
        super().build(input_shape)

    def call(self, inputs: Pair, states: States) -> tuple[tf.Tensor, States]:
        """Returns the new state, twice."""
        x, score = inputs
        before = tf.nest.flatten(states)[0]
        of_x = tf.split(tf.matmul(x, self.kernel) + self.bias[0], 2, axis=-1)
        of_h = tf.split(tf.matmul(before, self.recurrent_kernel) + self.bias[1], 2, axis=-1)
        reset = self.recurrent_activation(of_x[0] + of_h[0])
        candidate = self.activation(of_x[1] + reset * of_h[1])
        after = before + tf.cast(score, before.dtype) * (candidate - before)
        return after, tf.nest.pack_sequence_as(states, [after])

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "recurrent_regularizer": keras.regularizers.serialize(self.recurrent_regularizer),
        }
