"""One embedding table for the candidate and for the items of histories."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, History, make_lookup

FIRST_ITEM = 2  # Row 0 is padding, row 1 is any unknown item.


class ItemEmbedding(keras.layers.Layer):
    """Embeds ids `[B]` or `[B, L]` of one vocabulary, in which `padding` stands for no item."""

    def __init__(self, history: History, embedding_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.items = len(history.vocabulary)
        self.lookup = make_lookup(history.vocabulary, padding=history.padding)
        self.embedding = keras.layers.Embedding(
            self.items + FIRST_ITEM, embedding_dim, embeddings_initializer="glorot_normal"
        )

    def call(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the embeddings `[..., D]` and the rows of the table `[...]`."""
        rows = self.lookup(ids)
        return self.embedding(rows), rows

    def others(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings of items drawn evenly, each another item than that in `rows`."""
        shape = tf.shape(rows)
        steps = tf.random.uniform(shape, 1, max(self.items, 2), rows.dtype)
        others = FIRST_ITEM + (rows - FIRST_ITEM + steps) % self.items
        # Every item is another one than padding or an unknown item.
        items = tf.random.uniform(shape, FIRST_ITEM, FIRST_ITEM + self.items, rows.dtype)
        return self.embedding(tf.where(rows < FIRST_ITEM, items, others))


def missing_item_columns(features: Sequence[Feature], item_id: str | None) -> list[str]:
    """Returns what `ItemEmbedding` needs and the features lack, each a phrase.

    Args:
        features: The columns that are there.
        item_id: Name of the column with the candidate's id, or None.
    """
    items = {f.name: f for f in features if isinstance(f, Categorical)}
    histories = [f for f in features if isinstance(f, History)]
    named = "" if item_id is None else f", named {item_id!r}"
    missing = [] if item_id in items else [f"a `Categorical` with the item's id (`item_id`){named}"]
    if not histories:
        missing.append("a `History`")
    if item_id in items:
        vocabulary = set(items[item_id].vocabulary)
        others = [h.name for h in histories if set(h.vocabulary) != vocabulary]
        missing += [f"the vocabulary of {item_id!r} for the history {name!r}" for name in others]
    return missing


def split_features(
    features: Sequence[Feature], item_id: str
) -> tuple[list[History], list[Feature]]:
    """Returns the histories, and what is neither a history nor the candidate's id.

    Args:
        features: The columns to read.
        item_id: Name of the column with the candidate's id.

    Raises:
        ValueError: There is no such column, no history, or one of another vocabulary.
    """
    missing = missing_item_columns(features, item_id)
    if missing:
        raise ValueError(
            f"`features` must hold {' and '.join(missing)}; received columns "
            f"{[f.name for f in features]}."
        )
    histories = [f for f in features if isinstance(f, History)]
    others = [f for f in features if f.name != item_id and not isinstance(f, History)]
    return histories, others
