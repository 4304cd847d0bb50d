import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_ext.ops.hashing import fingerprint, hash_buckets, lookup

_WORD = 2**64


def _splitmix(key):
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        key = ((key ^ (key >> shift)) * factor) % _WORD
    return key ^ (key >> 31)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1), st.integers(1, 5))
def test_buckets_equal_python_integers_in_eager_and_graph(ids, num_hashes):
    gold = 0x9E3779B97F4A7C15
    once = [_splitmix((key + gold) % _WORD) for key in ids]
    expected = [
        [_splitmix((key + gold * (row + 1)) % _WORD) % 1009 for row in range(num_hashes)]
        for key in once
    ]
    ids = tf.constant(ids, tf.int64)
    np.testing.assert_array_equal(hash_buckets(ids, 1009, num_hashes), expected)
    graph = tf.function(lambda keys: hash_buckets(keys, 1009, num_hashes))
    np.testing.assert_array_equal(graph(ids), expected)


def test_buckets_are_even_and_hashes_independent():
    buckets = hash_buckets(tf.range(20_000), 20, 2).numpy()
    pairs = np.bincount(buckets[:, 0] * 20 + buckets[:, 1], minlength=400)
    chi_square = ((pairs - 50.0) ** 2 / 50).sum()
    assert chi_square < 399 + 4 * np.sqrt(2 * 399)


def test_fingerprints_keep_integers_and_tell_strings_apart():
    np.testing.assert_array_equal(fingerprint(tf.constant([3, -1], tf.int32)), [3, -1])
    words = tf.strings.as_string(tf.range(100_000))
    keys = fingerprint(words).numpy()
    assert len(np.unique(keys)) == 100_000
    assert keys.min() >= 0


def test_floating_point_ids_have_equal_keys_where_they_are_equal():
    values = tf.constant([1.0, 0.0, -0.0, 1.5, 1.0, 2.0**60])
    equal = values[:, None] == values[None, :]
    keys = fingerprint(values)
    np.testing.assert_array_equal(keys[:, None] == keys[None, :], equal)
    np.testing.assert_array_equal(fingerprint(tf.cast(values, tf.float64)), keys)


def test_fingerprint_rejects_what_is_no_id():
    with pytest.raises(TypeError, match="`ids` must be integers or strings, received dtype=bool"):
        fingerprint(tf.constant([True]))


@settings(deadline=None, max_examples=25)
@given(st.sets(st.integers(-20, 20), min_size=1), st.lists(st.integers(-25, 25)))
def test_lookup_equals_membership(table, keys):
    table = sorted(table)
    rows, known = lookup(tf.constant(keys, tf.int64), tf.constant(table, tf.int64))
    assert known.numpy().tolist() == [key in table for key in keys]
    assert [table[r] for r, k in zip(rows, known, strict=True) if k] == [
        key for key in keys if key in table
    ]
