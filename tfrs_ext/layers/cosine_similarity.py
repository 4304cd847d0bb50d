"""The cosine of queries and candidates."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.similarity import Similarity


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CosineSimilarity(Similarity):
    """Scores by the cosine: `s = <q, c> / (max(|q|, epsilon) · max(|c|, epsilon))`.

    Scores lie in [-1, 1]; a softmax over them needs a `Temperature`. A vector of zeros scores 0
    with everything, and its gradient is finite.

    Args:
        epsilon: The least length that a vector counts with, > 0.

    Call arguments:
        queries: `[B, D]` floating point.
        candidates: `[C, D]` floating point.
        rowwise: Whether to score row i with row i alone; then C = B.

    Returns:
        `[B, C]` float32, or `[B]` where `rowwise`.

    Raises:
        ValueError: Where ranks or widths don't fit, or `epsilon` isn't positive.

    To search it with an index of inner products, index candidates of unit length.

    Example:
        >>> layer = tfrs_ext.layers.CosineSimilarity()
        >>> layer(tf.constant([[3.0, 4.0]]), tf.constant([[0.0, 2.0], [0.0, 0.0]])).numpy()
        array([[0.8, 0. ]], dtype=float32)
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not epsilon > 0:
            raise ValueError(f"`epsilon` must be > 0, received epsilon={epsilon}.")
        self.epsilon = epsilon

    def pairwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of all pairs, `[B, C]`."""
        return tf.matmul(self._unit(queries), self._unit(candidates), transpose_b=True)

    def rowwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of the pairs that share a row, `[B]`."""
        return tf.reduce_sum(self._unit(queries) * self._unit(candidates), axis=-1)

    def _unit(self, vectors: tf.Tensor) -> tf.Tensor:
        return tf.math.l2_normalize(vectors, axis=-1, epsilon=self.epsilon**2)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "epsilon": self.epsilon}
