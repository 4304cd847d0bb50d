"""Layers from one column to numbers."""

import re
from typing import Any, Protocol

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features.lookup import make_lookup
from tfrs_ext.typing import Vocabulary


class Named(Protocol):
    """A feature, of which these layers must know the name alone."""

    @property
    def name(self) -> str:
        """The column."""


@keras.saving.register_keras_serializable(package="tfrs_ext")
class ColumnEncoder(keras.layers.Layer):
    """The base of layers that encode one column, which they see as it came.

    Under mixed precision, Keras casts what a layer is called with to half precision, in which
    neither years nor prices can be told apart. A column stays as it is, so `call` casts to
    `self.compute_dtype` what it has made of it.

    Args:
        feature: The column and its facts.

    Call arguments:
        values: `[B, ...]`, of the dtype of the feature's `missing`.

    Returns:
        `[B, W]` in the layer's compute dtype.
    """

    def __init__(self, feature: Named, **kwargs: Any) -> None:
        super().__init__(name=_scope(feature.name), autocast=False, **kwargs)
        self.feature: Any = feature  # Of whatever kind the subclass encodes.


class TableEncoder(ColumnEncoder):
    """Embeds the values of a vocabulary.

    Args:
        feature: The column and its facts.
        vocabulary: The known values.
        embedding_dim: D, the width of the table.
        padding: The value that stands for none, or None where every value counts.
        num_hash_buckets: The number of rows that values outside the vocabulary share.
    """

    def __init__(
        self,
        feature: Named,
        vocabulary: Vocabulary,
        embedding_dim: int,
        padding: int | str | None = None,
        num_hash_buckets: int = 1,
    ) -> None:
        super().__init__(feature)
        self.lookup = make_lookup(vocabulary, padding, num_hash_buckets)
        self.embedding = keras.layers.Embedding(
            self.lookup.vocabulary_size(),
            embedding_dim,
            embeddings_initializer="glorot_normal",
            name="embedding",
        )

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Returns each value's embedding `[..., D]`."""
        return self.embedding(self.lookup(values))


class Bag(Protocol):
    """A feature with several values a row."""

    @property
    def name(self) -> str:
        """The column."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The known values."""

    def split(self, values: tf.Tensor, /) -> tf.RaggedTensor:
        """Returns the values `[B, (values)]` of a column `[B]`."""


class BagEncoder(TableEncoder):
    """Averages the embeddings of several values a row; a row without any gives zeros.

    Args:
        feature: The column and its facts.
        embedding_dim: D, the width of the table.
    """

    def __init__(self, feature: Bag, embedding_dim: int) -> None:
        super().__init__(feature, feature.vocabulary, embedding_dim)

    def call(self, values: tf.Tensor) -> tf.Tensor:
        """Returns the mean `[B, D]`."""
        parts = self.feature.split(values)
        vectors = super().call(parts.values)
        totals = tf.math.unsorted_segment_sum(vectors, parts.value_rowids(), parts.nrows())
        counts = tf.cast(tf.maximum(parts.row_lengths(), 1), totals.dtype)
        return totals / counts[:, tf.newaxis]


def _scope(name: str) -> str:
    """Returns a column's name as graphs allow it for a layer: "release year" has a space."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", name).lstrip("_") or "column"
