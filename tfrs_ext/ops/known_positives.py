"""Which candidates are not among the items that a query's user is known to like."""

import tensorflow as tf

from tfrs_ext.ops.hashing import fingerprint


def not_known(candidate_ids: tf.Tensor, known_ids: tf.Tensor) -> tf.Tensor:
    """Compares ids by sorting one side: what is written are the matches alone.

    Args:
        candidate_ids: `[N]` integers or strings.
        known_ids: `[B, P]` of the same kind; -1 or `""` is padding, which equals no candidate.

    Returns:
        `[B, N]` bool, False where the candidate's id is among the row's known ids.
    """
    rows, width = tf.unstack(tf.shape(known_ids))
    keys, flat = fingerprint(candidate_ids), tf.reshape(known_ids, [-1])
    order = tf.argsort(keys)
    ordered = tf.gather(keys, order)
    first = tf.searchsorted(ordered, fingerprint(flat), side="left")
    last = tf.searchsorted(ordered, fingerprint(flat), side="right")
    padding = tf.constant("" if flat.dtype == tf.string else -1, flat.dtype)
    last = tf.where(tf.equal(flat, padding), first, last)
    matches = tf.ragged.range(first, last)
    owners = tf.gather(tf.repeat(tf.range(rows), width), matches.value_rowids())
    places = tf.stack([owners, tf.gather(order, matches.values)], axis=1)
    free = tf.ones([rows, tf.size(keys)], tf.bool)
    return tf.tensor_scatter_nd_update(free, places, tf.zeros([tf.shape(places)[0]], tf.bool))
