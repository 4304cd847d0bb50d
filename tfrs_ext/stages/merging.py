"""The lists of several generators as one."""

from collections.abc import Sequence

import tensorflow as tf

from tfrs_ext.ops.equal_entries import count_before, sum_equal
from tfrs_ext.ops.positions import NO_POSITION


def merge_found(found: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns every item that a generator has found, once, with who found it.

    Args:
        found: `[B, M_i]` int32 positions of each generator, each at most once in a row, -1 for
            none.

    Returns:
        positions `[B, sum of M_i]` int32, -1 where an item came before, and sources of the same
        shape, int32, in which bit i is set where generator i found the item.
    """
    positions = tf.concat(list(found), axis=1)
    bits = tf.concat([tf.fill(tf.shape(p), 1 << i) for i, p in enumerate(found)], axis=1)
    is_new = (positions >= 0) & (count_before(positions) == 0)
    sources = sum_equal(positions, bits)
    return tf.where(is_new, positions, NO_POSITION), tf.where(is_new, sources, 0)
