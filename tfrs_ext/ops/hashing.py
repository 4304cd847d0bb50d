"""Identifiers as 64-bit keys: fingerprints, buckets of several hashes, and lookup by key."""

import numpy as np
import tensorflow as tf

# Constants of splitmix64 (Steele, Lea, Flood, 2014): an increment and the mixer's two factors.
_INCREMENT = 0x9E3779B97F4A7C15
_FACTORS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = 31


def fingerprint(ids: tf.Tensor) -> tf.Tensor:
    """Maps ids to int64 keys, equal where ids are: the one way to compare ids here.

    Integers are their own keys; strings become a hash of 63 bits, under which two of a million
    different ones meet once in 10 million catalogues; floating-point ids keep their bits.

    Args:
        ids: Integers, strings or floating-point numbers, any shape.

    Returns:
        int64 of the same shape.

    Raises:
        TypeError: Where `ids` are none of these.
    """
    ids = tf.convert_to_tensor(ids)
    if ids.dtype == tf.string:
        return tf.strings.to_hash_bucket_fast(ids, tf.int64.max)
    if ids.dtype.is_floating:
        # A sum with 0 gives both zeros one sign.
        return tf.bitcast(tf.cast(ids, tf.float64) + 0.0, tf.int64)
    if not ids.dtype.is_integer:
        raise TypeError(f"`ids` must be integers or strings, received dtype={ids.dtype.name}.")
    return tf.cast(ids, tf.int64)


def widest(dtype: tf.DType) -> tf.DType:
    """Returns the dtype in which ids are compared: a narrower one would take one for another.

    Args:
        dtype: The dtype of ids.
    """
    return tf.int64 if dtype.is_integer else tf.float64 if dtype.is_floating else dtype


def _uint64(values: int | list[int]) -> tf.Tensor:
    # Through NumPy: in a graph, `tf.constant` of Python integers rounds them as float64.
    return tf.constant(np.array(values, np.uint64))


def _mix(keys: tf.Tensor) -> tf.Tensor:
    for shift, factor in _FACTORS:
        shifted = tf.bitwise.right_shift(keys, _uint64(shift))
        keys = tf.bitwise.bitwise_xor(keys, shifted) * _uint64(factor)
    return tf.bitwise.bitwise_xor(keys, tf.bitwise.right_shift(keys, _uint64(_LAST_SHIFT)))


def hash_buckets(ids: tf.Tensor, num_buckets: int, num_hashes: int = 1) -> tf.Tensor:
    """Maps identifiers to one bucket of `num_buckets` under each of `num_hashes` hashes.

    Args:
        ids: `[B]` int32, int64 or string.
        num_buckets: Buckets of each hash.
        num_hashes: How many hashes that are independent of each other.

    Returns:
        `[B, num_hashes]` int64 in `[0, num_buckets)`.
    """
    keys = tf.bitcast(fingerprint(ids), tf.uint64)
    salts = [(_INCREMENT * (row + 1)) % 2**64 for row in range(num_hashes)]
    # Mixed once before the salt as well, so that the hashes of neighbours don't move together.
    salted = _mix(keys + _uint64(_INCREMENT))[:, None] + _uint64(salts)
    return tf.cast(_mix(salted) % _uint64(num_buckets), tf.int64)


def lookup(keys: tf.Tensor, sorted_keys: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds each key's row in a sorted table of at least one key.

    Args:
        keys: `[B]` int64.
        sorted_keys: `[M]` int64, ascending, `M` ≥ 1.

    Returns:
        `[B]` int32 rows, and `[B]` bool that says whether the key is in the table; the row of a
        key that isn't is an arbitrary one.
    """
    rows = tf.minimum(tf.searchsorted(sorted_keys, keys), tf.shape(sorted_keys)[0] - 1)
    return rows, tf.equal(tf.gather(sorted_keys, rows), keys)
