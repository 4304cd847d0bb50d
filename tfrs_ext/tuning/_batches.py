"""Batches of the size that a trial asks for."""

from typing import Any

import tensorflow as tf

from tfrs_ext.tuning.space import batch_size


def sized(hp: Any, train: Any) -> tf.data.Dataset:
    """Returns batches of `batch_size(hp)` rows.

    Args:
        hp: The hyper-parameters.
        train: From a batch size to batches, or batches, whose size is changed.
    """
    size = batch_size(hp)
    return train(size) if callable(train) else train.rebatch(size)
