"""A column of when the user's latest items were taken."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features.column_encoder import ColumnEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.history import pad_left

_DAY = 86_400


@dataclasses.dataclass(frozen=True)
class HistoryTimes(Feature):
    """A column `[B, L]` of int64 Unix seconds, one for each place of a history, padded by 0.

    `models.SequenceTower` reads it beside the `History`, place by place. Other models read how long
    the history took, and how fast items followed each other.

    Args:
        name: The column.
        length: L, that of the history.

    Raises:
        ValueError: `length` isn't positive.
    """

    length: int = 50

    def __post_init__(self) -> None:
        if self.length < 1:
            raise ValueError(f"`length` must be at least 1, received length={self.length}.")

    @property
    def missing(self) -> npt.NDArray[Any]:
        """No history has no times."""
        return np.zeros(self.length, np.int64)

    @property
    def shape(self) -> tuple[None]:
        """Batches may be longer or shorter than `length`, as histories may."""
        return (None,)

    def to_dense(self, column: tf.RaggedTensor | tf.SparseTensor) -> tf.Tensor:
        """Returns the latest `length` times of each row, padded on the left."""
        return pad_left(column, self.length, 0)

    def encoder(self, embedding_dim: int) -> keras.layers.Layer:
        """Returns a layer that gives the logarithms of the span and of the mean gap, in days."""
        return _PaceEncoder(self)

    def output_width(self, embedding_dim: int) -> int:
        """Returns 2."""
        return 2


class _PaceEncoder(ColumnEncoder):
    def call(self, values: tf.Tensor) -> tf.Tensor:
        is_item = values > 0
        first = tf.reduce_min(tf.where(is_item, values, values.dtype.max), axis=1)
        span = tf.maximum(tf.reduce_max(values, axis=1) - first, 0)  # Without items, 0 less a lot.
        days = tf.cast(span, tf.float32) / _DAY
        gaps = tf.reduce_sum(tf.cast(is_item, tf.float32), axis=1) - 1.0
        pace = tf.math.divide_no_nan(days, tf.maximum(gaps, 0.0))
        return tf.cast(tf.math.log1p(tf.stack([days, pace], axis=1)), self.compute_dtype)
