"""Columns of the tables as arrays and tensors."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf


def ids_array(column: "pd.Series[Any]") -> npt.NDArray[Any]:
    """Returns ids as int64 or strings.

    Args:
        column: Ids without a missing one, as `load_frames` leaves them.
    """
    return column.to_numpy(np.int64 if pd.api.types.is_numeric_dtype(column) else object)


def on_host(values: npt.NDArray[Any]) -> tf.Tensor:
    """Returns the array as a tensor in main memory, where tf.data works.

    A tensor is passed to the functions of a pipeline; an array would be copied into their graphs.
    """
    with tf.device("CPU:0"):
        return tf.constant(values, tf.string if values.dtype == object else None)
