"""One embedding table for the candidate and for the items of histories."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, History, make_lookup

FIRST_ITEM = 2  # Row 0 is padding, row 1 is any unknown item.


class ItemTable(keras.layers.Layer):
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
        drawn = tf.random.uniform(
            tf.shape(rows), FIRST_ITEM, FIRST_ITEM + max(self.items - 1, 1), rows.dtype
        )
        return self.embedding(drawn + tf.cast(drawn >= rows, rows.dtype) * int(self.items > 1))


def split_features(features: Sequence[Feature], target: str) -> tuple[list[History], list[Feature]]:
    """Returns the histories, and what is neither a history nor the target.

    Raises:
        ValueError: There is no such target, no history, or one of another vocabulary.
    """
    candidates = [f for f in features if f.name == target and isinstance(f, Categorical)]
    histories = [f for f in features if isinstance(f, History)]
    if not candidates or not histories:
        raise ValueError(
            f"`features` must hold a `Categorical` named {target!r} and a `History`, "
            f"received {[f.name for f in features]}."
        )
    for history in histories:
        if set(history.vocabulary) != set(getattr(candidates[0], "vocabulary", ())):
            raise ValueError(
                f"`features` must give the history {history.name!r} the vocabulary of "
                f"{target!r}, received {len(history.vocabulary)} ids of another one."
            )
    others = [f for f in features if f.name != target and not isinstance(f, History)]
    return histories, others
