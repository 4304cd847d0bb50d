"""A column of the user's latest items."""

import dataclasses
from typing import Any, Union

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.features.column_encoder import TableEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.layers import HistoryPooling
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class History(Feature):
    """A column `[B, L]` of the user's latest item ids, oldest first, padded on the left.

    Args:
        name: The column.
        vocabulary: The item ids.
        length: L, how many items it holds.
    """

    vocabulary: Vocabulary = ()
    length: int = 50

    @property
    def padding(self) -> Union[int, str]:
        """The value that stands where the history is shorter than `length`: -1 or `""`."""
        return "" if self.vocabulary and isinstance(self.vocabulary[0], str) else -1

    @property
    def missing(self) -> npt.NDArray[Any]:
        """No history is `length` times the padding."""
        return np.full(self.length, self.padding)

    def encoder(self, embedding_dim: int) -> "_HistoryEncoder":
        """Returns a layer that pools the items' embeddings, `layers.HistoryPooling`."""
        return _HistoryEncoder(self, embedding_dim)


class _HistoryEncoder(TableEncoder):
    def __init__(self, feature: History, embedding_dim: int) -> None:
        super().__init__(feature, feature.vocabulary, embedding_dim, padding=feature.padding)
        self.pooling = HistoryPooling(name="pooling")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        indices = self.lookup(values)
        # Each item's embedding once: the batch's histories are full of the same items.
        items, places = tf.unique(tf.reshape(indices, [-1]))
        places = tf.reshape(places, tf.shape(indices))
        places.set_shape(indices.shape)
        return self.pooling([self.embedding(items), places], mask=tf.not_equal(indices, 0))
