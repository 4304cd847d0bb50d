"""A GRU's step in which attention scales the input."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Pair, Shapes, States, each_shape
from tfrs_ext.typing import Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class AIGRUCell(keras.layers.GRUCell):
    """One step of a GRU whose input is multiplied by an attention score.

    `h' = GRU(a x, h)`: the simplest of DIEN's variants. An input of zeros still changes the
    state, which is why the paper prefers `AUGRUCell`.

    Args:
        units: Width of the state.
        **kwargs: What `keras.layers.GRUCell` takes besides.

    Call arguments:
        inputs: A pair `(x, a)`: `[B, D]` floating point, and the score `[B, 1]` in `[0, 1]`.
        states: The state `[B, units]`, alone or in a list.
        training: Whether the dropout of `GRUCell` is on.

    Returns:
        The new state, twice, as cells do.

    Example:
        >>> keras.layers.RNN(AIGRUCell(4))((tf.ones([2, 3, 5]), tf.ones([2, 3, 1]))).shape
        TensorShape([2, 4])

    References:
        G. Zhou et al., 2019. Deep Interest Evolution Network for Click-Through Rate Prediction.
        arXiv:1809.03672.
    """

    def build(self, input_shape: Shapes) -> None:
        """Creates the GRU's weights."""
        # Keras saves what it was given here, the shape of `x` alone.
        super().build(each_shape(input_shape)[0])

    def call(
        self, inputs: Pair, states: States, training: Training = None
    ) -> tuple[tf.Tensor, States]:
        """Returns the new state, twice."""
        x, score = inputs
        return super().call(x * tf.cast(score, x.dtype), states, training)
