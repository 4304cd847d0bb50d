"""An embedding table whose regularizer is told which ids a batch has."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class RegularizedEmbedding(keras.layers.Embedding):
    """A `keras.layers.Embedding` with a penalty on the rows that a batch looks up.

    In training it adds the loss `batch_regularizer(ids, table)`. In evaluation it adds nothing:
    what the ids of a validation batch weigh says nothing about the model.

    Args:
        input_dim: Number of rows.
        output_dim: Width of a row.
        batch_regularizer: `regularizers.MiniBatchAwareL2`, or another layer that maps integer ids
            and the table to a scalar.
        **kwargs: What `keras.layers.Embedding` takes besides. With `mask_zero`, id 0 is never
            penalised.

    Call arguments:
        inputs: Integers of any shape, in `[0, input_dim)`.
        training: Whether the penalty is added.

    Returns:
        `[..., output_dim]` in the layer's compute dtype.

    Example:
        >>> from tfrs_ext.regularizers import MiniBatchAwareL2
        >>> regularizer = MiniBatchAwareL2(5, l2=0.1, counts=[0, 3, 1, 1, 2])
        >>> layer = RegularizedEmbedding(5, 2, regularizer, embeddings_initializer="ones")
        >>> _ = layer(tf.constant([1, 4, 4]), training=True)
        >>> [round(float(loss), 4) for loss in layer.losses]  # .05 (2 / 3 + 2 / 2)
        [0.0833]
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        batch_regularizer: keras.layers.Layer | Config,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_dim, output_dim, **kwargs)
        if isinstance(batch_regularizer, dict):
            batch_regularizer = keras.saving.deserialize_keras_object(batch_regularizer)
        rows = getattr(batch_regularizer, "input_dim", input_dim)
        if rows != input_dim:
            raise ValueError(
                f"`batch_regularizer` must be for {input_dim} rows, received one for {rows}."
            )
        self.batch_regularizer = batch_regularizer

    def call(self, inputs: tf.Tensor, training: Training = None) -> tf.Tensor:
        """Returns `[..., output_dim]`, and adds the penalty in training."""
        if training:
            ids = tf.boolean_mask(inputs, inputs != 0) if self.mask_zero else inputs
            self.add_loss(self.batch_regularizer(tf.cast(ids, tf.int64), self.embeddings))
        return super().call(inputs)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "batch_regularizer": keras.saving.serialize_keras_object(self.batch_regularizer),
        }
