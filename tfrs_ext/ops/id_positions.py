"""Lists of ids, one for each query, and the positions of candidates that have these ids."""

import tensorflow as tf

from tfrs_ext.ops.hashing import fingerprint
from tfrs_ext.typing import TensorLike


def id_lists(ids: TensorLike, count: tf.Tensor) -> tf.RaggedTensor:
    """Returns `[B, (P)]`: the ids of the first `count` queries, every id of a query once.

    Args:
        ids: `[B]`, `[B, P]` or `[B, (P)]` ragged.
        count: Scalar integer, how many queries there are.
    """
    if not isinstance(ids, tf.RaggedTensor):
        dense = tf.convert_to_tensor(ids)[:count]
        ids = tf.RaggedTensor.from_tensor(tf.reshape(dense, [count, -1]))
        if dense.shape.rank == 1:
            return ids
    ids = ids[:count]
    owners, keys = ids.value_rowids(), fingerprint(ids.values)
    # Stable sorts, by key and then by query, bring equal ids of a query next to each other.
    order = tf.argsort(keys, stable=True)
    order = tf.gather(order, tf.argsort(tf.gather(owners, order), stable=True))
    owners, keys, values = (tf.gather(column, order) for column in (owners, keys, ids.values))
    is_new = _is_first(owners) | _is_first(keys)
    values, owners = (tf.boolean_mask(column, is_new) for column in (values, owners))
    return tf.RaggedTensor.from_value_rowids(values, owners, nrows=tf.cast(count, owners.dtype))


def positions_without(
    positions: tf.RaggedTensor, others: tf.RaggedTensor, candidates: tf.Tensor
) -> tf.RaggedTensor:
    """Returns the positions of each query that the other list lacks, each of them once.

    Args:
        positions: `[B, (S)]` int32; negative ones are left out.
        others: `[B, (P)]` int32; negative ones are ignored.
        candidates: Scalar integer C, more than any position.
    """
    size = tf.cast(candidates, tf.int64)
    keys, wanted = (tf.sort(_keys(lists, size)) for lists in (positions, others))
    keys = tf.boolean_mask(keys, _is_first(keys))
    end = tf.searchsorted(wanted, keys, side="right")
    begin = tf.searchsorted(wanted, keys, side="left")
    keys = tf.boolean_mask(keys, tf.equal(begin, end))
    return tf.RaggedTensor.from_value_rowids(
        tf.cast(keys % size, tf.int32), keys // size, nrows=tf.cast(positions.nrows(), tf.int64)
    )


def positions_of_ids(ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
    """Returns the position of each id in `candidate_ids`, the first if several, -1 if none.

    The few ids are sorted rather than the many candidates: `C log N` steps for each call.

    Args:
        ids: `[N]` integers or strings.
        candidate_ids: `[C]` of the same kind.

    Returns:
        `[N]` int32.
    """
    if (ids.dtype == tf.string) != (candidate_ids.dtype == tf.string):
        raise ValueError(
            f"`true_candidate_ids` must be of the candidates' type, {candidate_ids.dtype.name}, "
            f"received {ids.dtype.name}: give `candidates` as (ids, embeddings) with these ids."
        )
    wanted, held = fingerprint(ids), fingerprint(candidate_ids)
    ordered, size = tf.sort(wanted), tf.shape(wanted)[0]
    places = tf.searchsorted(ordered, held)
    is_wanted = tf.equal(tf.gather(ordered, tf.minimum(places, size - 1)), held)
    positions = tf.range(tf.shape(held)[0])
    # Segments of -1 are dropped, and a segment without any candidate has the largest integer.
    first = tf.math.unsorted_segment_min(positions, tf.where(is_wanted, places, -1), size)
    first = tf.where(tf.equal(first, tf.int32.max), -1, first)
    return tf.gather(first, tf.searchsorted(ordered, wanted))


def _keys(lists: tf.RaggedTensor, size: tf.Tensor) -> tf.Tensor:
    """Packs (query, position) into integers, without the negative positions."""
    owners = tf.cast(lists.value_rowids(), tf.int64)
    keys = owners * size + tf.cast(lists.values, tf.int64)
    return tf.boolean_mask(keys, lists.values >= 0)


def _is_first(ordered: tf.Tensor) -> tf.Tensor:
    """Returns whether each value differs from the one before it."""
    changes = tf.not_equal(ordered[1:], ordered[:-1])
    return tf.concat([tf.ones_like(ordered[:1], tf.bool), changes], axis=0)
