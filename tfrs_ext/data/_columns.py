"""Columns of the tables as arrays that TensorFlow takes, by the kind of feature."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext.features import Categorical, Feature, Numeric, Timestamp


def to_array(column: "pd.Series[Any]", feature: Feature) -> npt.NDArray[Any]:
    """Returns the column as int64, float32 or strings, with missing values filled.

    Args:
        column: A column of the user or item table.
        feature: What it feeds. A missing number becomes the training mean, a missing time the
            start of the training range, a missing category -1 or `""`, a missing text `""`.
    """
    if isinstance(feature, Numeric):
        return column.astype("float64").fillna(feature.mean).to_numpy(np.float32)
    if isinstance(feature, Timestamp):
        return column.fillna(feature.minimum).to_numpy(np.int64)
    if isinstance(feature, Categorical) and pd.api.types.is_numeric_dtype(column):
        return column.fillna(-1).to_numpy(np.int64)
    return column.astype(object).where(column.notna(), "").to_numpy(object)


def on_host(values: npt.NDArray[Any]) -> tf.Tensor:
    """Returns the array as a tensor in main memory, where tf.data works.

    A tensor is passed to the functions of a pipeline; an array would be copied into their graphs.
    """
    with tf.device("CPU:0"):
        return tf.constant(values, tf.string if values.dtype == object else None)
