"""The matrix of scores, for what can't do without it."""

import tensorflow as tf

LOWEST = -1e30
"""The score of what must not count: far below any other, and far from overflow in float32."""


def pairwise_scores(queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """Returns the inner products `[B, C]` in float32; several vectors of one thing give their best.

    Args:
        queries: `[B, D]` or `[B, H, D]` floating point.
        candidates: `[C, D]` or `[C, H, D]`.
    """
    queries, candidates = tf.cast(queries, tf.float32), tf.cast(candidates, tf.float32)
    if queries.shape.rank == 3:
        return tf.reduce_max(tf.einsum("qhd,cd->qhc", queries, candidates), axis=1)
    if candidates.shape.rank == 3:
        return tf.reduce_max(tf.einsum("qd,chd->qhc", queries, candidates), axis=1)
    return tf.matmul(queries, candidates, transpose_b=True)


def rowwise_scores(queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """Returns the inner products of the pairs that share a row, `[B]` in float32.

    Args:
        queries: `[B, D]` or `[B, H, D]` floating point.
        candidates: `[B, D]` or `[B, H, D]`; only one of both has several vectors a row.
    """
    queries, candidates = tf.cast(queries, tf.float32), tf.cast(candidates, tf.float32)
    if queries.shape.rank == candidates.shape.rank:
        return tf.reduce_sum(queries * candidates, axis=1)
    many, one = (queries, candidates) if queries.shape.rank == 3 else (candidates, queries)
    return tf.reduce_max(tf.linalg.matvec(many, one), axis=1)


def largest(
    scores: tf.Tensor, valid: tf.Tensor, count: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns each row's largest valid scores: the scores, which are valid, and their columns.

    Args:
        scores: `[B, N]` floating point.
        valid: `[B, N]` bool, which scores count.
        count: How many to return of each row, at most all.
    """
    masked = tf.where(valid, scores, LOWEST)
    columns = tf.math.top_k(masked, tf.minimum(count, tf.shape(scores)[1])).indices
    chosen = tf.gather(scores, columns, batch_dims=1)
    return chosen, tf.gather(valid, columns, batch_dims=1), columns
