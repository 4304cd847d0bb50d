"""Ids and words become rows of an embedding table."""

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import make_lookup, replace_some


def test_unknown_values_share_the_first_row_after_the_padding():
    lookup = make_lookup(("a", "b"), padding="")
    assert lookup(tf.constant(["", "c", "a", "b", "d"])).numpy().tolist() == [0, 1, 2, 3, 1]
    lookup = make_lookup((7, 9))
    assert lookup(tf.constant([9, 8, 7], tf.int64)).numpy().tolist() == [2, 0, 1]


def test_unknown_values_are_hashed_to_rows_of_their_own():
    lookup = make_lookup((7, 9), padding=-1, num_hash_buckets=3)
    ids = tf.constant([-1, 9, 7, 10, 11, 12, 13], tf.int64)
    assert lookup(ids).numpy().tolist() == [0, 5, 4, 2, 3, 1, 2]
    words = make_lookup(("a",), num_hash_buckets=4)
    rows = words(tf.constant(["b", "c", "b", "a"])).numpy()
    assert rows[0] == rows[2] < 4
    assert rows[3] == 4


def test_a_share_of_the_values_gets_the_rows_that_they_would_have_unknown():
    lookup = make_lookup((7, 9), padding=-1, num_hash_buckets=3)
    ids = tf.constant([[-1, 7, 9, 10]] * 400, tf.int64)
    rows = replace_some(lookup(ids), ids, keras.layers.Dropout(0.25), lookup).numpy()
    assert set(rows[:, 0]) == {0}
    assert set(rows[:, 1]) == {4, 1 + 7 % 3}
    assert set(rows[:, 2]) == {5, 1 + 9 % 3}
    assert set(rows[:, 3]) == {1 + 10 % 3}
    assert 0.18 < np.mean(rows[:, 1:3] < 4) < 0.32
    text = make_lookup(("a", "b"), num_hash_buckets=2)
    words = tf.constant(["a", "b"])
    everyone = replace_some(text(words), words, keras.layers.Dropout(0.999999), text)
    np.testing.assert_array_equal(everyone, tf.strings.to_hash_bucket_fast(words, 2))
