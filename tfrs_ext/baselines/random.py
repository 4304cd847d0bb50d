"""Chance, as a baseline."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.taken_items import TakenItems
from tfrs_ext.typing import Config, TensorLike

_MULTIPLIERS = (-2_048_144_789, -1_028_477_387)  # Of MurmurHash3's finalizer, as int32.


@keras.saving.register_keras_serializable(package="tfrs_ext")
class RandomBaseline(Baseline):
    """Ranks candidates at random: the same seed and history give the same order, in any batch.

    `score(query, c)` is uniform in [0, 1), a hash of the seed, the history and the candidate.

    Args:
        num_candidates: The number of candidates, C.
        seed: The number that chooses the orders.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding.

    Returns:
        `[B, C]` float32.

    Example:
        >>> RandomBaseline(4, seed=1)(tf.constant([[1], [2]])).shape
        TensorShape([2, 4])

    References:
        Appleby: MurmurHash3, 2011 (the finalizer).
    """

    def __init__(self, num_candidates: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(num_candidates, **kwargs)
        self.seed = seed

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "seed": self.seed}

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        keys = _mixed(queries.positions + 1)
        asked = tf.math.unsorted_segment_sum(keys, queries.owners, queries.count)
        asked = _mixed(asked + tf.constant(self.seed * 40_503 + 1, tf.int32))
        candidates = _mixed(tf.range(self.num_candidates) * 69_069 + 1)
        bits = tf.bitwise.right_shift(
            tf.bitcast(_mixed(asked[:, tf.newaxis] + candidates), tf.uint32),
            tf.constant(8, tf.uint32),
        )
        return tf.cast(bits, tf.float32) / 2**24


def _mixed(numbers: tf.Tensor) -> tf.Tensor:
    """Returns a permutation of int32 in which neighbours are far apart."""
    for shift, multiplier in zip((16, 13), _MULTIPLIERS, strict=True):
        numbers = _folded(numbers, shift) * multiplier
    return _folded(numbers, 16)


def _folded(numbers: tf.Tensor, shift: int) -> tf.Tensor:
    bits = tf.bitcast(numbers, tf.uint32)
    bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint32)))
    return tf.bitcast(bits, tf.int32)
