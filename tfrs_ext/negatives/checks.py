"""Checks of `Candidates` that come in, and their types where pools meet."""

import tensorflow as tf

from tfrs_ext.candidates import Candidates


def check_candidates(candidates: Candidates, name: str) -> None:
    """Raises where embeddings, ids and log_q differ in rank or in their number of rows."""
    embeddings, ids, log_q = (tf.convert_to_tensor(part) for part in candidates)
    for part, tensor, rank in (("embeddings", embeddings, 2), ("ids", ids, 1), ("log_q", log_q, 1)):
        if tensor.shape.rank not in (None, rank):
            raise ValueError(
                f"`{name}.{part}` must have rank {rank}, received shape={tensor.shape}."
            )
        if not tensor.shape[:1].is_compatible_with(embeddings.shape[:1]):
            raise ValueError(
                f"`{name}.{part}` must have a row per embedding, {embeddings.shape[0]}, received "
                f"shape={tensor.shape}."
            )


def checked_log_q(log_q: tf.Tensor, name: str) -> tf.Tensor:
    """Returns `log_q`, which must hold logarithms of probabilities: finite and ≤ 0."""
    fine = tf.math.is_finite(log_q) & (log_q <= 1e-5)
    message = f"`{name}` must be log-probabilities, finite and ≤ 0, received:"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(fine), [message, log_q])]):
        return tf.identity(log_q)


def in_types_of(positives: Candidates, pool: Candidates) -> Candidates:
    """Casts `pool` to the types of `positives`, or says that their ids are of two kinds."""
    wanted, received = positives.ids.dtype, pool.ids.dtype
    if (wanted == tf.string) != (received == tf.string):
        raise ValueError(
            f"`positives.ids` must be of the kind of the source's ids, {received.name}, received "
            f"dtype={wanted.name}."
        )
    ids = pool.ids if wanted == received else tf.cast(pool.ids, wanted)
    embeddings = tf.cast(pool.embeddings, positives.embeddings.dtype)
    return Candidates(embeddings, ids, tf.cast(pool.log_q, tf.float32))


def concat(pools: list[Candidates]) -> Candidates:
    """Stacks the rows of several pools."""
    return Candidates(*(tf.concat(parts, axis=0) for parts in zip(*pools, strict=True)))
