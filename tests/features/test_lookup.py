"""Ids and words become rows of an embedding table."""

import tensorflow as tf

from tfrs_ext.features import make_lookup


def test_unknown_values_share_the_first_row_after_the_padding():
    lookup = make_lookup(("a", "b"), padding="")
    assert lookup(tf.constant(["", "c", "a", "b", "d"])).numpy().tolist() == [0, 1, 2, 3, 1]
    lookup = make_lookup((7, 9))
    assert lookup(tf.constant([9, 8, 7], tf.int64)).numpy().tolist() == [2, 0, 1]
