"""Ranked lists of items, as they go from rule to rule."""

from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.ops.positions import NO_POSITION, gather_or_pad, no_score


class Ranked(NamedTuple):
    """A list of items for each query, the best first.

    Attributes:
        scores: `[B, M]` float32, the lowest float32 where there is no item.
        positions: `[B, M]` int32, the positions of items in the catalogue, -1 where there is none.
        sources: `[B, M]` int32; bit i is set where generator i brought the item.
    """

    scores: tf.Tensor
    positions: tf.Tensor
    sources: tf.Tensor

    @property
    def is_item(self) -> tf.Tensor:
        """`[B, M]` bool, where there is an item."""
        return self.positions >= 0

    def take(self, order: tf.Tensor) -> "Ranked":
        """Returns the places `[B, K]` of the lists, in that order."""
        return Ranked(*(tf.gather(column, order, batch_dims=1) for column in self))

    def first(self, k: tf.Tensor) -> "Ranked":
        """Returns the first k places."""
        return Ranked(*(column[:, :k] for column in self))

    def drop(self, dropped: tf.Tensor) -> "Ranked":
        """Returns the lists without the places `[B, M]` where `dropped` is True, gaps closed."""
        gone = dropped | ~self.is_item
        emptied = Ranked(
            tf.where(gone, no_score(self.scores.dtype), self.scores),
            tf.where(gone, NO_POSITION, self.positions),
            tf.where(gone, 0, self.sources),
        )
        return emptied.take(tf.argsort(tf.cast(gone, tf.int32), axis=1, stable=True))

    def with_scores(self, scores: tf.Tensor) -> "Ranked":
        """Returns the lists sorted by other scores `[B, M]`; equal ones keep their order."""
        scores = tf.where(self.is_item, scores, no_score(scores.dtype))
        order = tf.argsort(scores, axis=1, direction="DESCENDING", stable=True)
        # The lowest score may be an item's own: what is no item goes behind it.
        return (
            Ranked(scores, self.positions, self.sources)
            .take(order)
            .drop(tf.zeros_like(self.is_item))
        )

    def look_up(self, table: tf.Tensor, padding: float | int | None = None) -> tf.Tensor:
        """Returns the items' values `[B, M, ...]` of a table `[C, ...]`."""
        return gather_or_pad(table, self.positions, padding)
