"""Lists of ids, a list for each query, and their row numbers, matched by value without state."""

from typing import Any

import tensorflow as tf


def id_lists(ids: Any, count: tf.Tensor) -> tf.RaggedTensor:
    """Returns `[B, (P)]`: the ids of the first `count` queries, every id of a query once.

    Args:
        ids: `[B]`, `[B, P]` or `[B, (P)]` ragged.
        count: How many queries there are.
    """
    if not isinstance(ids, tf.RaggedTensor):
        dense = tf.convert_to_tensor(ids)[:count]
        ids = tf.RaggedTensor.from_tensor(tf.reshape(dense, [count, -1]))
        if dense.shape.rank == 1:
            return ids
    ids = ids[:count]
    owners, keys = ids.value_rowids(), _as_int64(ids.values)
    order = tf.argsort(keys, stable=True)
    order = tf.gather(order, tf.argsort(tf.gather(owners, order), stable=True))
    owners, keys, values = (tf.gather(column, order) for column in (owners, keys, ids.values))
    is_new = _is_first(owners) | _is_first(keys)
    values, owners = (tf.boolean_mask(column, is_new) for column in (values, owners))
    return tf.RaggedTensor.from_value_rowids(values, owners, nrows=tf.cast(count, owners.dtype))


def rows_without(
    rows: tf.RaggedTensor, others: tf.RaggedTensor, candidates: tf.Tensor
) -> tf.RaggedTensor:
    """Returns the rows of each query that the other list lacks, each once; negative ones are none.

    Args:
        rows: `[B, (S)]` int32.
        others: `[B, (P)]` int32.
        candidates: C, more than any row.
    """
    size = tf.cast(candidates, tf.int64)
    keys, wanted = (tf.sort(_keys(lists, size)) for lists in (rows, others))
    keys = tf.boolean_mask(keys, _is_first(keys))
    places = tf.searchsorted(wanted, keys, side="right")
    before = tf.searchsorted(wanted, keys, side="left")
    keys = tf.boolean_mask(keys, tf.equal(places, before))
    return tf.RaggedTensor.from_value_rowids(
        tf.cast(keys % size, tf.int32), keys // size, nrows=tf.cast(rows.nrows(), tf.int64)
    )


def _keys(lists: tf.RaggedTensor, size: tf.Tensor) -> tf.Tensor:
    owners = tf.cast(lists.value_rowids(), tf.int64)
    keys = owners * size + tf.cast(lists.values, tf.int64)
    return tf.boolean_mask(keys, lists.values >= 0)


def _is_first(ordered: tf.Tensor) -> tf.Tensor:
    """Returns whether each value differs from the one before it."""
    changes = tf.not_equal(ordered[1:], ordered[:-1])
    return tf.concat([tf.ones_like(ordered[:1], tf.bool), changes], axis=0)


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
