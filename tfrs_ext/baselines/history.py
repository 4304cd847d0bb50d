"""The baseline that repeats what the query's history holds."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.popularity import PopularityBaseline
from tfrs_ext.typing import TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class HistoryBaseline(PopularityBaseline):
    """Ranks the history's own candidates by how often it holds them, then the others by popularity.

    `score(query, c) = occurrences in its history + popularity(c) / (1 + largest popularity)`.
    Where people repeat themselves (music, groceries, games) it is hard to beat; where seen items
    are excluded, it is `PopularityBaseline`.

    Args:
        num_candidates: C, how many candidates there are.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding.

    Returns:
        `[B, C]` float32.

    Example:
        >>> baseline = HistoryBaseline(3).adapt(tf.ragged.constant([[0, 2], [2, 2]]))
        >>> baseline(tf.constant([[1, 1, 0]])).numpy().tolist()
        [[1.25, 2.0, 0.75]]
    """

    def call(self, histories: TensorLike) -> tf.Tensor:
        """Returns scores `[B, C]`."""
        count, owners, positions = self._pairs(histories)
        cells = tf.stack([owners, positions], axis=1)
        own = tf.scatter_nd(
            cells, tf.ones_like(positions, tf.float32), [count, self.num_candidates]
        )
        popularity = tf.cast(self._popularity, tf.float32)
        return own + popularity / (1.0 + tf.reduce_max(popularity))
