"""The inner product of queries and candidates."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.similarity import Similarity


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DotSimilarity(Similarity):
    """Scores by the inner product: `s = <q, c>`.

    Call arguments:
        queries: `[B, D]` floating point.
        candidates: `[C, D]` floating point.
        rowwise: Whether to score row i with row i alone; then C = B.

    Returns:
        `[B, C]` float32, or `[B]` where `rowwise`.

    Raises:
        ValueError: Where ranks or widths don't fit.

    Every index can search it. `CosineSimilarity` leaves the vectors' lengths out, `MaxSim` takes
    several vectors a query.

    Example:
        >>> layer = tfrs_ext.layers.DotSimilarity()
        >>> layer(tf.constant([[1.0, 2.0]]), tf.constant([[3.0, 4.0], [0.0, 1.0]])).numpy()
        array([[11.,  2.]], dtype=float32)
    """

    def pairwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of all pairs, `[B, C]`."""
        return tf.matmul(queries, candidates, transpose_b=True)

    def rowwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of the pairs that share a row, `[B]`."""
        return tf.reduce_sum(queries * candidates, axis=-1)
