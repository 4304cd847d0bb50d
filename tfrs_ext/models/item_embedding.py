"""One embedding table for a column of the candidate and for its histories."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, make_lookup, replace_some
from tfrs_ext.typing import Training


class ItemEmbedding(keras.__internal__.layers.BaseRandomLayer):
    """Embeds values of one vocabulary, `[B]` of a candidate or `[B, L]` of its histories.

    Args:
        feature: The candidate's column, which says how unknown values are treated.
        padding: The value that stands for none in the histories.
        embedding_dim: D, the width of the table.

    Call arguments:
        ids: `[B]` or `[B, L]`.
        training: Whether a share of the values counts as unknown, as the feature says.

    Returns:
        The embeddings `[..., D]`, and the rows of the table `[...]`, 0 for padding.
    """

    def __init__(
        self, feature: Categorical, padding: int | str | None, embedding_dim: int, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.feature = feature
        self.padding = padding
        self.items = len(feature.vocabulary)
        # Row 0 is padding, behind which the buckets of unknown items stand.
        self.first_item = 1 + feature.num_hash_buckets
        self.dropout = keras.layers.Dropout(feature.unknown_rate)
        self.lookup = make_lookup(feature.vocabulary, padding, feature.num_hash_buckets)
        self.embedding = keras.layers.Embedding(
            self.lookup.vocabulary_size(), embedding_dim, embeddings_initializer="glorot_normal"
        )

    def call(self, ids: tf.Tensor, training: Training = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the embeddings `[..., D]` and the rows of the table `[...]`."""
        rows = self.lookup(ids)
        if training and self.feature.unknown_rate:
            rows = replace_some(rows, ids, self.dropout, self.lookup)
        return self.embedding(rows), rows

    def others(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings of items drawn evenly, each another item than that in `rows`."""
        shape, first, count = tf.shape(rows), self.first_item, max(self.items, 1)
        draw = self._random_generator.random_uniform
        steps = draw(shape, 1, max(count, 2), rows.dtype)
        others = first + (rows - first + steps) % count
        # Every item is another one than padding or an unknown item.
        items = draw(shape, first, first + count, rows.dtype)
        return self.embedding(tf.where(rows < first, items, others))
