"""Rows of all replicas, where a strategy runs several."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext.ops.custom_gradient import custom_gradient


def num_replicas() -> int:
    """Returns how many replicas train at once: 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def is_replica() -> bool:
    """Returns whether the code runs on one of several replicas, which can ask the others."""
    context = tf.distribute.get_replica_context()
    return context is not None and context.num_replicas_in_sync > 1


def count_all_rows(rows: int | tf.Tensor) -> tf.Tensor:
    """Returns how many rows all replicas have, a float32 scalar; outside, the rows themselves.

    The last batch of an epoch may leave replicas with different numbers of rows, or with none. A
    mean over the rows of all is the sum of each replica's sum over this number.

    Args:
        rows: How many rows this replica has; on every replica, since they wait for each other.
    """
    rows = tf.cast(rows, tf.float32)
    if not is_replica():
        return rows
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, rows)


def gather_rows(value: tf.Tensor) -> tf.Tensor:
    """Returns the rows of all replicas, `[sum of B, …]`; differentiable; outside, the rows."""
    if not is_replica():
        return value
    context = tf.distribute.get_replica_context()
    if value.dtype == tf.string:
        return _gather_strings(value, context)
    # An input of the graph has no device yet, and MultiWorkerMirroredStrategy asks for it.
    return _with_dense_gradient(context.all_gather(tf.identity(value), axis=0))


@custom_gradient
def _with_dense_gradient(value: tf.Tensor) -> Any:
    # Who takes some of the rows sends slices back, which no collective sums.
    return tf.identity(value), tf.convert_to_tensor


def is_mine(rows: tf.Tensor) -> tf.Tensor:
    """Returns which of the gathered rows came from this replica, `[sum of B]` bool.

    Args:
        rows: How many rows this replica gives.
    """
    if not is_replica():
        return tf.ones([rows], tf.bool)
    context = tf.distribute.get_replica_context()
    replica = tf.cast(context.replica_id_in_sync_group, tf.int32)
    return tf.equal(gather_rows(tf.fill([rows], replica)), replica)


def _gather_strings(words: tf.Tensor, context: tf.distribute.ReplicaContext) -> tf.Tensor:
    # Collectives know no strings: they travel as bytes, padded to the longest of all replicas.
    lengths = context.all_gather(tf.strings.length(words), axis=0)
    width = tf.maximum(tf.reduce_max(lengths), 1)
    codes = tf.cast(tf.io.decode_raw(words, tf.uint8, fixed_length=width), tf.int32)
    codes = context.all_gather(codes, axis=0)
    # As objects: NumPy's fixed-width bytes lose the zero byte.
    alphabet = np.array([bytes([code]) for code in range(256)], object)
    letters = tf.gather(tf.constant(alphabet), codes)
    letters = tf.where(tf.sequence_mask(lengths, width), letters, "")
    return tf.strings.reduce_join(letters, axis=1)
