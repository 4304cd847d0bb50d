"""The nearest-neighbour baseline: what goes together with the history."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.neighbors import nearest_by_cosine
from tfrs_ext.typing import TensorLike

_PAIRS_IN_BLOCK = 2**16


@keras.saving.register_keras_serializable(package="tfrs_ext")
class ItemToItemBaseline(Baseline):
    """Ranks candidates by the cosine of co-occurrence with the history's, nearest neighbours only.

    `score(query, c) = Σ_{h in history} |h and c| / sqrt(|h| |c|)`, where |h| counts the histories
    that hold h, and the sum keeps the `neighbors` most similar candidates of each h. A candidate
    is no neighbour of itself. Ties go to the smaller position.

    Args:
        num_candidates: C, how many candidates there are.
        neighbors: How many neighbours of each candidate are kept; memory is `8 C neighbors` bytes.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. A candidate counts once in a history.

    Returns:
        `[B, C]` float32.

    Relations:
        `PopularityBaseline` doesn't read the query's history. A model that loses to this one has
        learned less than counting does.

    Example:
        >>> baseline = ItemToItemBaseline(4).adapt(tf.ragged.constant([[0, 1], [0, 1, 2], [3]]))
        >>> [round(score, 3) for score in baseline(tf.constant([[0, 0]])).numpy()[0].tolist()]
        [0.0, 1.0, 0.707, 0.0]

    References:
        Sarwar et al.: Item-Based Collaborative Filtering Recommendation Algorithms, WWW 2001.
        Deshpande and Karypis: Item-Based Top-N Recommendation Algorithms, TOIS 2004.
    """

    def __init__(self, num_candidates: int, neighbors: int = 100, **kwargs: Any) -> None:
        super().__init__(num_candidates, **kwargs)
        if neighbors < 1:
            raise ValueError(f"`neighbors` must be at least 1, received neighbors={neighbors}.")
        self.neighbors = neighbors
        shape = [num_candidates, min(neighbors, num_candidates)]
        self._neighbors = self.add_weight(
            name="positions", shape=shape, dtype=tf.int32, initializer="zeros", trainable=False
        )
        self._similarities = self.add_weight(
            name="similarities", shape=shape, initializer="zeros", trainable=False
        )

    def adapt(self, histories: TensorLike) -> "ItemToItemBaseline":
        """Finds the neighbours; see `call` for the forms of `histories`."""
        count, owners, positions = self._distinct_pairs(histories)
        found = nearest_by_cosine(
            owners.numpy(),
            positions.numpy(),
            int(count),
            self.num_candidates,
            self._neighbors.shape[1],
        )
        self._neighbors.assign(found[0])
        self._similarities.assign(found[1])
        return self

    def call(self, histories: TensorLike) -> tf.Tensor:
        """Returns scores `[B, C]`."""
        count, owners, positions = self._distinct_pairs(histories)

        def add(begin: tf.Tensor, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            block = positions[begin : begin + _PAIRS_IN_BLOCK]
            neighbors = tf.gather(self._neighbors, block)
            queries = owners[begin : begin + _PAIRS_IN_BLOCK, tf.newaxis]
            cells = tf.stack([tf.broadcast_to(queries, tf.shape(neighbors)), neighbors], axis=-1)
            weights = tf.cast(tf.gather(self._similarities, block), tf.float32)
            return begin + _PAIRS_IN_BLOCK, tf.tensor_scatter_nd_add(scores, cells, weights)

        start = (tf.constant(0), tf.zeros([count, self.num_candidates]))
        _, scores = tf.while_loop(
            lambda begin, _: begin < tf.shape(positions)[0], add, start, parallel_iterations=1
        )
        return scores

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "neighbors": self.neighbors}

    def _distinct_pairs(self, histories: TensorLike) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        count, owners, positions = self._pairs(histories)
        keys = tf.cast(owners, tf.int64) * self.num_candidates + tf.cast(positions, tf.int64)
        keys = tf.sort(tf.unique(keys).y)
        owners, positions = keys // self.num_candidates, keys % self.num_candidates
        return count, tf.cast(owners, tf.int32), tf.cast(positions, tf.int32)
