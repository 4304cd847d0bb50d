"""From raw ids to rows of an embedding table."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Vocabulary

_NOTHING = ("\x01",)  # Keras refuses an empty vocabulary, which a column of unknown values has.


def make_lookup(
    vocabulary: Vocabulary, padding: int | str | None = None, num_hash_buckets: int = 1
) -> keras.layers.IntegerLookup | keras.layers.StringLookup:
    """Returns the Keras lookup layer for a vocabulary of integers or of strings.

    The first rows after the padding's are those of unknown values, which are hashed to them.

    Args:
        vocabulary: The known values.
        padding: The value that maps to row 0, or None where nothing is padded.
        num_hash_buckets: The number of rows that unknown values share.
    """
    kind = keras.layers.StringLookup
    if vocabulary and not isinstance(vocabulary[0], str):
        kind = keras.layers.IntegerLookup
    return kind(
        vocabulary=list(vocabulary or _NOTHING),
        mask_token=padding,
        num_oov_indices=num_hash_buckets,
        name="lookup",
    )


def replace_some(
    rows: tf.Tensor,
    values: tf.Tensor,
    dropout: keras.layers.Dropout,
    lookup: keras.layers.IntegerLookup | keras.layers.StringLookup,
) -> tf.Tensor:
    """Returns the rows, a share of which became those that their values had if they were unknown.

    So the rows of unknown values learn. Padding stays.

    Args:
        rows: What `lookup` returned.
        values: The raw ids, of the same shape.
        dropout: What draws the rows; its rate is the share.
        lookup: What `make_lookup` returned.
    """
    first = int(lookup.mask_token is not None)
    buckets = lookup.num_oov_indices
    if values.dtype == tf.string:
        bucket = tf.strings.to_hash_bucket_fast(values, buckets)
    else:
        bucket = tf.math.floormod(values, buckets)
    unknown = first + tf.cast(bucket, rows.dtype)
    # A layer draws, since trainings that go on after a stop keep the states of layers.
    is_dropped = dropout(tf.ones(tf.shape(rows)), training=True) == 0
    return tf.where(is_dropped & (rows >= first), unknown, rows)
