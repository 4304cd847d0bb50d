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
    wanted = fingerprint(ids)
    ordered = tf.sort(wanted)
    places = _places(ordered, fingerprint(candidate_ids))
    return tf.gather(_firsts(places, tf.size(ordered)), tf.searchsorted(ordered, wanted))


def positions_of_copies(ids: tf.RaggedTensor, candidate_ids: tf.Tensor) -> tf.RaggedTensor:
    """Returns for each query the positions of all candidates that have one of its ids.

    Args:
        ids: `[B, (P)]` integers or strings.
        candidate_ids: `[C]` of the same kind.

    Returns:
        `[B, (P or more)]` int32.
    """
    ordered = tf.sort(fingerprint(ids.values))
    places = _places(ordered, fingerprint(candidate_ids))
    found = tf.reshape(tf.where(places >= 0), [-1])
    order = tf.argsort(tf.gather(places, found), stable=True)
    found = tf.gather(found, order)
    by_place = tf.RaggedTensor.from_value_rowids(
        tf.cast(found, tf.int32), tf.gather(places, found), nrows=tf.size(ordered)
    )
    own = tf.gather(by_place, tf.searchsorted(ordered, fingerprint(ids.values)))
    owners = tf.gather(ids.value_rowids(), own.value_rowids())
    return tf.RaggedTensor.from_value_rowids(own.values, owners, nrows=ids.nrows())


def _places(ordered: tf.Tensor, held: tf.Tensor) -> tf.Tensor:
    """Returns the first place of each held key among ordered ones `[C]` int32, -1 for none."""
    places = tf.searchsorted(ordered, held)
    # Widened by one, since the place behind all may be asked for, and there may be none at all.
    is_equal = tf.equal(tf.gather(tf.pad(ordered, [[0, 1]]), places), held)
    return tf.where(tf.logical_and(is_equal, places < tf.size(ordered)), places, -1)


def _firsts(places: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the first position in which each place is held, `[size]`, -1 where none does."""
    # Segments of -1 are dropped, and a segment without any candidate has the largest integer.
    first = tf.math.unsorted_segment_min(tf.range(tf.size(places)), places, size)
    return tf.where(tf.equal(first, tf.int32.max), -1, first)


def _keys(lists: tf.RaggedTensor, size: tf.Tensor) -> tf.Tensor:
    """Packs (query, position) into integers, without the negative positions."""
    owners = tf.cast(lists.value_rowids(), tf.int64)
    keys = owners * size + tf.cast(lists.values, tf.int64)
    return tf.boolean_mask(keys, lists.values >= 0)


def _is_first(ordered: tf.Tensor) -> tf.Tensor:
    """Returns whether each value differs from the one before it."""
    changes = tf.not_equal(ordered[1:], ordered[:-1])
    return tf.concat([tf.ones_like(ordered[:1], tf.bool), changes], axis=0)
