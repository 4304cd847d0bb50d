"""A head over two towers as one model, for serving."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, example_inputs
from tfrs_ext.typing import Columns, Training


class PairRanker(keras.Model):
    """Predicts from columns what a head makes of both towers' embeddings; weights are shared.

    Args:
        query_model: The tower of queries.
        candidate_model: The tower of candidates.
        head: Layer from `[B, 2 D]` to the prediction.
    """

    def __init__(
        self,
        query_model: keras.Model,
        candidate_model: keras.Model,
        head: keras.layers.Layer,
        **kwargs: Any,
    ) -> None:
        # In mixed precision Keras would cast raw columns: 1,200,000 is infinite in float16.
        super().__init__(autocast=False, **kwargs)
        self.query_model, self.candidate_model = query_model, candidate_model
        self.head = head
        self(example_inputs(self.features))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns that the towers read."""
        return (*self.query_model.features, *self.candidate_model.features)

    def call(self, inputs: Columns, training: Training = None) -> tf.Tensor:
        """Returns predictions `[B, 1]`."""
        towers = (self.query_model, self.candidate_model)
        embeddings = [tower(inputs, training=training) for tower in towers]
        return self.head(tf.concat(embeddings, axis=1), training=training)
