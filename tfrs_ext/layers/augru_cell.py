"""A GRU's step in which attention scales the update gate."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Pair, Shapes, States, each_shape
from tfrs_ext.typing import Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class AUGRUCell(keras.layers.GRUCell):
    """One step of a GRU whose update gate is multiplied by an attention score, as in DIEN.

    `h' = (1 - a u) * h + a u * h~`, which is `(1 - a) h + a GRU(x, h)`: a score of 0 leaves the
    state as it was, a score of 1 is a plain GRU.

    The authors' code multiplies what it keeps instead, `(1 - a) (1 - u)`, so that a score of 0
    there is an ordinary step; this is the paper's formula.

    Args:
        units: Width of the state.
        **kwargs: What `keras.layers.GRUCell` takes besides.

    Call arguments:
        inputs: A pair `(x, a)`: `[B, D]` floating point, and the score `[B, 1]` in `[0, 1]`.
        states: The state `[B, units]`, alone or in a list.
        training: Whether the dropout of `GRUCell` is on.

    Returns:
        The new state, twice, as cells do.

    Relations:
        `AUGRU` runs it over a sequence; so does `keras.layers.RNN`, but Keras 2 can't load a
        functional model with an RNN over a pair. `AGRUCell` replaces the gate, `AIGRUCell` scales
        the input.

    Example:
        >>> outputs = keras.layers.RNN(AUGRUCell(4))((tf.ones([1, 3, 5]), tf.zeros([1, 3, 1])))
        >>> outputs.numpy()
        array([[0., 0., 0., 0.]], dtype=float32)

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
        before = tf.nest.flatten(states)[0]
        after, _ = super().call(x, states, training)
        after = before + tf.cast(score, after.dtype) * (after - before)
        return after, tf.nest.pack_sequence_as(states, [after])
