"""Queries shared among operations that a graph runs side by side."""

import tensorflow as tf

# Queries of a part: below the first, sharing costs more than it gains; from the second on ScaNN's
# operation shares a batch among its own threads.
_FEWEST, _MOST = 8, 256


def share_out(queries: tf.Tensor, parts: int) -> list[tf.Tensor]:
    """Returns the queries in parts, of which the last may be empty.

    Args:
        queries: `[B, D]`.
        parts: How many at most; eagerly one, since eager operations wait for each other.
    """
    if parts == 1 or tf.executing_eagerly():
        return [queries]
    count = tf.shape(queries)[0]
    share = tf.maximum(-(-count // parts), _FEWEST)
    share = tf.where(count >= parts * _MOST, count, share)
    ends = tf.minimum(share * tf.range(parts + 1), count)
    return list(tf.split(queries, ends[1:] - ends[:-1], num=parts))
