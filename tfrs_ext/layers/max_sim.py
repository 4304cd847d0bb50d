"""The best of several vectors a query."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.similarity import Similarity


@keras.saving.register_keras_serializable(package="tfrs_ext")
class MaxSim(Similarity):
    """Scores by the best of a query's vectors: `s = max_h <q_h, c>`.

    Several vectors a query hold several interests; each candidate is scored, and gives gradient,
    by the interest that it fits. Holds `[B, H, C]`.

    Call arguments:
        queries: `[B, H, D]` floating point, H vectors a query; `[B, D]` is H = 1.
        candidates: `[C, D]` floating point.
        rowwise: Whether to score row i with row i alone; then C = B.

    Returns:
        `[B, C]` float32, or `[B]` where `rowwise`.

    Raises:
        ValueError: Where ranks or widths don't fit.

    To search it with an index, search each vector and keep the best score of an item.

    Example:
        >>> layer = tfrs_ext.layers.MaxSim()
        >>> layer(tf.constant([[[1.0, 0.0], [0.0, 2.0]]]), tf.constant([[3.0, 1.0]])).numpy()
        array([[3.]], dtype=float32)

    References:
        Weston et al., "Nonlinear Latent Factorization by Embedding Multiple User Interests",
        RecSys 2013.
    """

    query_ranks = (2, 3)

    def pairwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of all pairs, `[B, C]`."""
        if queries.shape.rank == 2:
            return tf.matmul(queries, candidates, transpose_b=True)
        return tf.reduce_max(tf.einsum("bhd,cd->bhc", queries, candidates), axis=1)

    def rowwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of the pairs that share a row, `[B]`."""
        if queries.shape.rank == 2:
            return tf.reduce_sum(queries * candidates, axis=-1)
        return tf.reduce_max(tf.einsum("bhd,bd->bh", queries, candidates), axis=1)
