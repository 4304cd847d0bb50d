"""What a source of negatives answers with."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.candidates import Candidates

Density = Callable[[tf.Tensor], tf.Tensor]
"""From ids `[n]` to the logarithm of their probability in one draw, `[n]` float32."""


class Pool(NamedTuple):
    """Positives and negatives of one batch, both with the log Q of the source.

    Attributes:
        positives: The positive of each query, B rows; `log_q` is what the source would draw it
            with.
        negatives: The negatives that all queries share, N rows.
        own: `[N]` int32: the query of the batch whose positive this row is, -1 for none; None
            where no row is anyone's positive. The row that is a query's own positive is never its
            negative, even where accidental hits stay.
        density: From ids `[n]` to their `log_q` under this very draw, `[n]` float32, for `Mixed`;
            None where the source doesn't know it for ids that it didn't draw.
        queries: What items are compared with, where the loss does that: the embeddings of M
            queries and the ids of their positives. None for the batch's own.
        own_queries: `[M]` int32: the query of the batch that a row of `queries` is, -1 for none;
            None where `queries` is.
        mask: `[B, N]` bool, False where a row is no negative of a query; None where all queries
            share all rows. `PerQuery` alone answers with one.

    Example:
        >>> items = Candidates(tf.eye(2), tf.constant([7, 8]))
        >>> Pool(items, items, own=tf.range(2)).by_position().negatives.ids.numpy()
        array([0, 1], dtype=int32)
    """

    positives: Candidates
    negatives: Candidates
    own: tf.Tensor | None = None
    density: Density | None = None
    queries: Candidates | None = None
    own_queries: tf.Tensor | None = None
    mask: tf.Tensor | None = None

    def by_position(self) -> "Pool":
        """Returns the same pool with positions as ids: only a query's own row is its positive."""
        own, queries = self.own, self.queries
        positions = tf.range(tf.size(self.positives.ids))
        if own is None:
            own = tf.fill(tf.shape(self.negatives.ids), -1)
        elif self.positives.embeddings is self.negatives.embeddings:
            positions = own  # One tensor of ids for both sides: the kernel sorts it once.
        return self._replace(
            positives=self.positives._replace(ids=positions),
            negatives=self.negatives._replace(ids=own),
            queries=None if queries is None else queries._replace(ids=self.own_queries),
        )
