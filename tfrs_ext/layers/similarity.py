"""What the similarities share: arguments, checks, float32."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras


class Similarity(keras.layers.Layer):
    """Scores queries against candidates, all pairs or row by row, in float32."""

    query_ranks: tuple[int, ...] = (2,)

    def __init__(self, **kwargs: Any) -> None:
        # Scores feed a softmax: float16 would round what ranks the candidates.
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)

    def call(self, queries: tf.Tensor, candidates: tf.Tensor, rowwise: bool = False) -> tf.Tensor:
        """Returns scores `[B, C]`, or `[B]` where `rowwise`."""
        queries, candidates = tf.cast(queries, tf.float32), tf.cast(candidates, tf.float32)
        _check("queries", queries, self.query_ranks)
        _check("candidates", candidates, (2,))
        if not queries.shape[-1:].is_compatible_with(candidates.shape[-1:]):
            raise ValueError(
                f"`candidates` must have the width of `queries`, {queries.shape[-1]}, received "
                f"shape={candidates.shape}."
            )
        if not rowwise:
            return self.pairwise(queries, candidates)
        if not queries.shape[:1].is_compatible_with(candidates.shape[:1]):
            raise ValueError(
                f"`candidates` must have a row per query, {queries.shape[0]}, where `rowwise`, "
                f"received shape={candidates.shape}."
            )
        return self.rowwise(queries, candidates)

    def pairwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of all pairs, `[B, C]`."""
        raise NotImplementedError

    def rowwise(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores of the pairs that share a row, `[B]`."""
        raise NotImplementedError


def _check(name: str, value: tf.Tensor, ranks: tuple[int, ...]) -> None:
    if value.shape.rank is not None and value.shape.rank not in ranks:
        wanted = " or ".join(str(rank) for rank in ranks)
        raise ValueError(f"`{name}` must have rank {wanted}, received shape={value.shape}.")
