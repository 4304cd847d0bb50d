"""A weighted mean of a user's history in which the model learns how much recency counts."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Mask, Sequences, Shapes, each_shape, mask_of
from tfrs_ext.ops.scores import LOWEST
from tfrs_ext.ops.weighted_rows import weighted_rows
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class HistoryPooling(keras.layers.Layer):
    """Pools a sequence with weights that depend on the position alone.

    `y = sum_l softmax_l(w_l) x_l` over the positions that are not padding. The weights start
    equal, so an untrained layer is the masked mean of YouTube's candidate generation; training
    lets recent items count for more. A sequence of nothing but padding gives zeros.

    Call arguments:
        inputs: `[B, L, D]` floating point, oldest first, padded on the left; or a pair of vectors
            `[U, D]` and rows `[B, L]` of them, which trains faster where items repeat.
        mask: `[B, L]` boolean, False where padded.

    Returns:
        `[B, D]` in the layer's compute dtype.

    Raises:
        ValueError: A length is unknown, or differs from the mask's or an earlier batch's.

    Relations:
        `DINAttention` also looks at the candidate, which a two-tower model can't.

    Example:
        >>> HistoryPooling()(tf.ones([2, 3, 4]), mask=tf.ones([2, 3], tf.bool)).shape
        TensorShape([2, 4])

    References:
        Covington, Adams, Sargin: Deep Neural Networks for YouTube Recommendations, RecSys 2016.
    """

    def build(self, input_shape: Shapes) -> None:
        """Creates one weight a position."""
        length = each_shape(input_shape)[-1][1]
        if length is None:
            raise ValueError(
                f"`inputs` must have a known length, received shape {input_shape}: pad "
                "every batch to the same length"
            )
        self.logits = self.add_weight(name="logits", shape=[length], initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: Sequences, mask: Mask) -> tf.Tensor:
        """Returns the pooled sequence `[B, D]`."""
        if isinstance(inputs, (list, tuple)):
            vectors, rows = inputs
            return weighted_rows(vectors, rows, self._weights(rows, mask, vectors.dtype))
        sequence = tf.convert_to_tensor(inputs)
        weights = self._weights(sequence, mask, sequence.dtype)
        return tf.einsum("bl,bld->bd", weights, sequence)

    def _weights(self, sequence: tf.Tensor, mask: Mask, dtype: tf.DType) -> tf.Tensor:
        mask = mask_of(mask, sequence)
        if not sequence.shape[1:2].is_compatible_with(self.logits.shape):
            raise ValueError(
                f"`inputs` must have the length that the layer was built with, "
                f"{self.logits.shape[0]}, received shape {tuple(sequence.shape)}."
            )
        logits = tf.where(mask, tf.cast(self.logits, tf.float32), LOWEST)
        # A table that rows come from hides their shape from the graph's optimizer.
        logits = tf.ensure_shape(logits, [None, self.logits.shape[0]])
        return tf.cast(tf.where(mask, tf.nn.softmax(logits), 0.0), dtype)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return super().get_config()
