"""The generator of what is like a user's latest items."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext.ops.equal_entries import count_before, sum_equal
from tfrs_ext.ops.positions import NO_POSITION, gather_or_pad, is_in, no_score
from tfrs_ext.ops.row_lookup import RowLookup
from tfrs_ext.stages.generator import Generator
from tfrs_ext.typing import TensorLike


class SimilarItems(Generator):
    """Brings the neighbours of the user's latest items, item to item.

    `score(query, c) = sum over latest items i of similarity(i, c)`, over the neighbours of i.

    Args:
        item_ids: `[C]` the ids by which histories name items.
        neighbors: `[C, N]` int32, positions of the neighbours of each item, such as
            `baselines.nearest_items` gives.
        similarities: `[C, N]` float32; neighbours with 0 or less are none.
        count: How many items it brings for each query.
        history: The name of the column with the history `[B, L]`, oldest first.
        latest: How many items of the history are looked at.
        source: What answers call it.

    Example:
        >>> generator = SimilarItems([7, 8, 9], [[1], [2], [1]], [[0.5], [0.4], [0.3]], count=2)
        >>> generator({"history": tf.constant([[-1, 7, 8]])}, tf.constant([[-1]])).numpy().tolist()
        [[1, 2]]
    """

    def __init__(
        self,
        item_ids: TensorLike,
        neighbors: TensorLike,
        similarities: TensorLike,
        count: int = 100,
        history: str = "history",
        latest: int = 20,
        source: str = "item to item",
    ) -> None:
        ids = tf.convert_to_tensor(item_ids)
        near, weights = tf.cast(neighbors, tf.int32), tf.cast(similarities, tf.float32)
        if near.shape.rank != 2 or near.shape != weights.shape or near.shape[0] != ids.shape[0]:
            raise ValueError(
                "`neighbors` and `similarities` must be [C, N], a row for each of `item_ids`, "
                f"received {near.shape}, {weights.shape} and {ids.shape}."
            )
        if latest < 1:
            raise ValueError(f"`latest` must be a positive integer, received latest={latest}.")
        super().__init__(source, count, int(ids.shape[0]))
        self.history, self.latest = history, latest
        self._positions = RowLookup(ids, "item_ids", "item_ids")
        with tf.device("CPU"):
            self._neighbors = tf.Variable(near, trainable=False)
            self._similarities = tf.Variable(weights, trainable=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column with the history."""
        return (self.history,)

    def find(self, queries: Mapping[str, tf.Tensor], excluded: tf.Tensor) -> tf.Tensor:
        """Returns the positions of the items of largest sums."""
        near, weights = self._near(queries)
        is_open = (near >= 0) & ~is_in(near, excluded)
        near = tf.where(is_open, near, NO_POSITION)
        sums = sum_equal(near, tf.where(is_open, weights, 0.0))
        # Of equal entries, which bear the same sum, the first alone competes.
        scores = tf.where(is_open & (count_before(near) == 0), sums, no_score())
        best, order = tf.math.top_k(scores, tf.minimum(self.count, tf.shape(scores)[1]))
        return tf.where(best > no_score(), tf.gather(near, order, batch_dims=1), NO_POSITION)

    def score(self, queries: Mapping[str, tf.Tensor], positions: tf.Tensor) -> tf.Tensor:
        """Returns the sums of similarities of some items.

        Args:
            queries: `{column: [B, ...]}`, the history among them.
            positions: `[B, M]` int32, not negative.

        Returns:
            `[B, M]` float32; 0 for an item that is no neighbour of the latest items.
        """
        near, weights = self._near(queries)
        asked = tf.concat([positions, near], axis=1)
        sums = sum_equal(asked, tf.pad(weights, [[0, 0], [tf.shape(positions)[1], 0]]))
        return sums[:, : tf.shape(positions)[1]]

    def _near(self, queries: Mapping[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the neighbours of the latest items `[B, N]`, -1 for none, and similarities."""
        latest = self._positions(tf.convert_to_tensor(queries[self.history])[:, -self.latest :])
        rows = tf.shape(latest)[0]
        near = tf.reshape(gather_or_pad(self._neighbors, latest), [rows, -1])
        weights = tf.reshape(gather_or_pad(self._similarities, latest, 0.0), [rows, -1])
        is_near = (near >= 0) & (weights > 0)
        return tf.where(is_near, near, NO_POSITION), tf.where(is_near, weights, 0.0)
