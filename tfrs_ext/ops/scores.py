"""The matrix of scores, for what can't do without it."""

import tensorflow as tf

# Half of float32's least number: a logit that never counts, with room to subtract from.
NEVER = tf.float32.min / 2


def pairwise_scores(queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """Returns the inner products `[B, C]` in float32, the best of a query's vectors.

    Args:
        queries: `[B, D]` or `[B, H, D]` floating point.
        candidates: `[C, D]`.
    """
    queries, candidates = tf.cast(queries, tf.float32), tf.cast(candidates, tf.float32)
    if queries.shape.rank == 2:
        return tf.matmul(queries, candidates, transpose_b=True)
    return tf.reduce_max(tf.einsum("qhd,cd->qhc", queries, candidates), axis=1)


def masked_scores(scores: tf.Tensor, ids: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Puts `NEVER` where a candidate is no negative of the query.

    Args:
        scores: `[B, C]` float32; column i < B holds the positive of row i.
        ids: `[C]`; a candidate with the id of a row's positive is no negative of that row.
        mask: `[B, C]` boolean, False where a candidate isn't a negative; or None.
    """
    rows = tf.shape(scores)[0]
    keep = tf.not_equal(ids[:rows, tf.newaxis], ids[tf.newaxis, :])
    if mask is not None:
        keep &= mask
    is_positive = tf.eye(rows, tf.shape(scores)[1]) > 0
    return tf.where(keep | is_positive, scores, NEVER)
