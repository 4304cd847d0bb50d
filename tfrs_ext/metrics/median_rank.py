"""The median of ranks that come in batches."""

import math

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import TensorLike

_EXACT = 10_000
_HALVES, _STEPS = 2 * _EXACT - 1, 10_000
_STEP = math.log(1.001)


class MedianRank(keras.metrics.Metric):
    """Counts ranks: to the half up to 10,000, since expected ranks may be halves; above to 0.1%.

    Args:
        name: The metric's name in logs.
    """

    def __init__(self, name: str = "median_rank") -> None:
        super().__init__(name=name)
        self.counts = self.add_weight("counts", (_HALVES + _STEPS,), initializer="zeros")

    def update_state(
        self, ranks: tf.Tensor, sample_weight: TensorLike | None = None
    ) -> tf.Operation:
        """Counts ranks `[B]`, from 1; NaN, a query without positives, isn't counted."""
        ranks = tf.cast(ranks, tf.float32)
        weights = tf.ones_like(ranks)
        if sample_weight is not None:
            weights = tf.reshape(tf.cast(sample_weight, tf.float32), [-1])
        is_missing = tf.math.is_nan(ranks)
        places = self._place(tf.where(is_missing, 1.0, ranks))
        added = tf.math.unsorted_segment_sum(
            tf.where(is_missing, 0.0, weights), places, _HALVES + _STEPS
        )
        return self.counts.assign_add(added)

    def result(self) -> tf.Tensor:
        """Returns the mean of the ranks on both sides of half of the weight."""
        below = tf.cumsum(self.counts)
        half = below[-1:] / 2
        sides = (tf.searchsorted(below, half, side=side)[0] for side in ("left", "right"))
        low, high = (self._rank(tf.minimum(side, _HALVES + _STEPS - 1)) for side in sides)
        return tf.where(half[0] > 0, (low + high) / 2, 0.0)

    def reset_state(self) -> None:
        """Forgets all ranks."""
        self.counts.assign(tf.zeros_like(self.counts))

    def _place(self, ranks: tf.Tensor) -> tf.Tensor:
        halves = tf.round(2 * tf.minimum(ranks, _EXACT)) - 2
        steps = _HALVES + tf.math.log(tf.maximum(ranks, _EXACT) / _EXACT) / _STEP
        places = tf.where(ranks <= _EXACT, halves, tf.minimum(steps, _HALVES + _STEPS - 1.0))
        return tf.cast(places, tf.int32)

    def _rank(self, place: tf.Tensor) -> tf.Tensor:
        place = tf.cast(place, tf.float32)
        coarse = _EXACT * tf.exp((place - _HALVES + 0.5) * _STEP)
        # What is missed altogether is counted at the last place.
        coarse = tf.where(place >= _HALVES + _STEPS - 1, math.inf, coarse)
        return tf.where(place < _HALVES, place / 2 + 1, coarse)
