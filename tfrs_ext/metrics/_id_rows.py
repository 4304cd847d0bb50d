"""Row numbers of ids, matched by value, without state."""

import tensorflow as tf


def rows_of_ids(ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
    """Returns the row of `candidate_ids` that holds each id, the first if several do, -1 if none.

    The few ids are sorted rather than the many candidates: `C log N` steps for each call.

    Args:
        ids: `[N]` integer or string.
        candidate_ids: `[C]` of the same kind.

    Returns:
        `[N]` int32.
    """
    if (ids.dtype == tf.string) != (candidate_ids.dtype == tf.string):
        raise ValueError(
            f"`true_candidate_ids` must be of the candidates' type, {candidate_ids.dtype.name}, "
            f"received {ids.dtype.name}: give `candidates` as (ids, embeddings) with these ids."
        )
    wanted, held = _as_int64(ids), _as_int64(candidate_ids)
    ordered, size = tf.sort(wanted), tf.shape(wanted)[0]
    places = tf.searchsorted(ordered, held)
    found = tf.equal(tf.gather(ordered, tf.minimum(places, size - 1)), held)
    rows = tf.range(tf.shape(held)[0])
    first = tf.math.unsorted_segment_min(rows, tf.where(found, places, -1), size)
    first = tf.where(tf.equal(first, tf.int32.max), -1, first)
    return tf.gather(first, tf.searchsorted(ordered, wanted))


def _as_int64(ids: tf.Tensor) -> tf.Tensor:
    if ids.dtype == tf.string:
        return tf.strings.to_hash_bucket_fast(ids, tf.int64.max)
    return tf.cast(ids, tf.int64)
