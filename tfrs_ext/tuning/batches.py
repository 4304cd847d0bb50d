"""Batches of the size that a trial asks for."""

from collections.abc import Callable
from typing import Union

import tensorflow as tf

from tfrs_ext.tuning.space import batch_size
from tfrs_ext.typing import HyperParameters

Batches = Union[tf.data.Dataset, Callable[[int], tf.data.Dataset]]


def resize_batches(hp: HyperParameters, train: Batches) -> tf.data.Dataset:
    """Returns batches of `batch_size(hp)` rows.

    Args:
        hp: The hyper-parameters.
        train: A function from a batch size to batches; or batches, whose size is changed.
    """
    size = batch_size(hp)
    return train(size) if callable(train) else train.rebatch(size)
