"""A column of the user's latest items."""

import dataclasses
from numbers import Integral
from typing import Any, Union

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.features.column_encoder import TableEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.vocabulary import as_vocabulary
from tfrs_ext.layers import HistoryPooling
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class History(Feature):
    """A column `[B, L]` of the user's latest item ids, oldest first, padded on the left.

    Batches may also hold it ragged or sparse, `[B, (items)]`.

    Args:
        name: The column.
        vocabulary: The item ids.
        length: L, how many items it holds.
        padding: The value that stands where the history is shorter than `length`; None for -1
            or "", by the type of the ids.

    Raises:
        ValueError: `length` isn't positive, or `padding` is in `vocabulary` or of another type.
    """

    vocabulary: Vocabulary = ()
    length: int = 50
    padding: Union[int, str, None] = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "vocabulary", as_vocabulary(self.vocabulary, self.name))
        if not isinstance(self.length, Integral):
            raise ValueError(
                f"`length` must be a whole number of items, received length={self.length!r}."
            )
        if self.length < 1:
            raise ValueError(f"`length` must be at least 1, received length={self.length}.")
        of_strings = self.vocabulary and isinstance(self.vocabulary[0], str)
        if self.padding is None:
            object.__setattr__(self, "padding", "" if of_strings else -1)
        elif self.vocabulary and isinstance(self.padding, str) != of_strings:
            raise ValueError(
                f"`padding` of the feature {self.name!r} must be of the type of its vocabulary, "
                f"received {self.padding!r} beside {self.vocabulary[0]!r}."
            )
        if self.padding in self.vocabulary:
            raise ValueError(
                f"`vocabulary` of the feature {self.name!r} must not hold the padding, received "
                f"{self.padding!r} in both. Leave it out, or state another `padding`."
            )

    @property
    def missing(self) -> npt.NDArray[Any]:
        """No history is `length` times the padding."""
        return np.full(self.length, self.padding)

    @property
    def shape(self) -> tuple[None]:
        """Batches may be longer or shorter than `length`, for models that don't pool by place."""
        return (None,)

    def to_dense(self, column: tf.RaggedTensor | tf.SparseTensor) -> tf.Tensor:
        """Returns the latest `length` items of each row, padded on the left."""
        return pad_left(column, self.length, self.padding)

    def encoder(self, embedding_dim: int) -> "_HistoryEncoder":
        """Returns a layer that pools the items' embeddings, `layers.HistoryPooling`."""
        return _HistoryEncoder(self, embedding_dim)


def pad_left(
    column: tf.RaggedTensor | tf.SparseTensor, length: int, padding: int | str | None
) -> tf.Tensor:
    """Returns the last values of each row, at the end of a row of padding.

    Args:
        column: `[B, (values)]`.
        length: L, how many values are kept.
        padding: What stands before shorter rows.
    """
    if isinstance(column, tf.SparseTensor):
        column = tf.RaggedTensor.from_sparse(column)
    filler = tf.constant(padding, column.dtype)
    items = column[:, -length:].to_tensor(filler, shape=[None, length])
    lengths = tf.cast(tf.minimum(column.row_lengths(), length), tf.int32)
    # Row b begins `length - lengths[b]` places further to the right.
    places = tf.range(length) - (length - lengths[:, tf.newaxis])
    moved = tf.gather(items, tf.maximum(places, 0), batch_dims=1)
    return tf.where(places >= 0, moved, filler)


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
