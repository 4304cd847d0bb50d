"""Rows of a batch that have no label."""

import tensorflow as tf

from tfrs_ext.ops.checks import check_same_rows
from tfrs_ext.typing import TensorLike


def find_labelled_rows(
    labels: tf.Tensor, mask: TensorLike | None, skip_missing: bool
) -> tf.Tensor | None:
    """Returns which rows have a label, `[B]` boolean, or None where all have one.

    Args:
        labels: `[B, ...]`, one label or several a row.
        mask: `[B]` or `[B, 1]` boolean, True where there is a label, or None for all rows.
        skip_missing: Whether a row with a label of NaN counts as one without.
    """
    rows = None if mask is None else tf.reshape(tf.cast(mask, tf.bool), [-1])
    if rows is not None:
        check_same_rows(rows, labels, "`label_mask` must be of the same rows as `labels`")
    if skip_missing and labels.dtype.is_floating:
        known = tf.logical_not(tf.math.is_nan(labels))
        known = tf.reduce_all(tf.reshape(known, [tf.shape(labels)[0], -1]), axis=1)
        rows = known if rows is None else rows & known
    return rows


def fill_missing(labels: tf.Tensor, rows: tf.Tensor | None) -> tf.Tensor:
    """Returns the labels with zeros in the rows that have none: 0 times NaN would be NaN.

    Args:
        labels: `[B, ...]`, one label or several a row.
        rows: `[B]` boolean, what `find_labelled_rows` returned.
    """
    if rows is None:
        return labels
    shape = tf.concat([tf.shape(rows), tf.ones([tf.rank(labels) - 1], tf.int32)], 0)
    return tf.where(tf.reshape(rows, shape), labels, tf.zeros([], labels.dtype))


def weigh_labelled(weights: TensorLike | None, rows: tf.Tensor | None) -> tf.Tensor | None:
    """Returns weights `[B]`, or `[B, 1]`, that are zero where there is no label.

    Args:
        weights: `[B]` or `[B, 1]`, or None for weights of one.
        rows: `[B]` boolean, what `find_labelled_rows` returned.
    """
    if rows is None:
        return weights
    if weights is None:
        return tf.cast(rows, tf.float32)
    given = tf.convert_to_tensor(weights)
    shaped = rows[:, tf.newaxis] if given.shape.rank == 2 else rows
    return tf.where(shaped, given, tf.zeros([], given.dtype))
