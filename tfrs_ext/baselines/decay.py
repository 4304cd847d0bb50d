"""Weights that fall with every entry that came after."""

import tensorflow as tf

_SMALLEST = 1e-30


def check_decay(decay: float) -> float:
    """Returns `decay`; raises ValueError where it isn't in (0, 1]."""
    if not 0 < decay <= 1:
        raise ValueError(f"`decay` must be greater than 0 and at most 1, received decay={decay}.")
    return decay


def decayed(ages: tf.Tensor, decay: float) -> tf.Tensor:
    """Returns `decay ** age`, and never 0: the oldest entry is still one."""
    return tf.maximum(tf.pow(tf.constant(decay, tf.float32), tf.cast(ages, tf.float32)), _SMALLEST)
