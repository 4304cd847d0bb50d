"""Pandas frames as what Keras takes: arrays by the names of columns."""

from collections.abc import Mapping
from typing import Any, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext.features.cells import holds_lists

Array = Union[npt.NDArray[Any], tf.RaggedTensor]


def arrays_of_frame(frame: pd.DataFrame | Mapping[str, Any]) -> dict[str, Any]:
    """Returns the columns of a frame, or of a mapping that may hold pandas columns, as arrays.

    Args:
        frame: A frame, or a mapping of column name to values.
    """
    return {
        str(name): array_of_column(values) if isinstance(values, pd.Series) else values
        for name, values in frame.items()
    }


def array_of_column(column: "pd.Series[Any]") -> Array:
    """Returns a column as an array: numbers, booleans, whole seconds since 1970, or strings.

    A missing number is NaN, a missing text "". Lists become `[rows, L]` where they are of one
    length, and else ragged.

    Args:
        column: The column; its index plays no part.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if pd.api.types.is_datetime64_any_dtype(column):
        moments = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        column = moments.astype("datetime64[s]").astype("int64").mask(moments.isna())
    if pd.api.types.is_bool_dtype(column) and not column.isna().any():
        return column.to_numpy(bool)
    if pd.api.types.is_numeric_dtype(column):
        return (
            column.to_numpy(np.float64, na_value=np.nan) if column.isna().any() else _plain(column)
        )
    if holds_lists(column).any():
        return _stack(column)
    return column.astype(object).where(column.notna(), "").map(str).to_numpy(object)


def _plain(column: "pd.Series[Any]") -> npt.NDArray[Any]:
    """Returns numbers without pandas's own dtypes, such as `Int64`."""
    dtype: Any = column.dtype
    return column.to_numpy(getattr(dtype, "numpy_dtype", dtype))


def _stack(column: "pd.Series[Any]") -> Array:
    lists = [
        list(cell) if isinstance(cell, (list, tuple, set, np.ndarray)) else [] for cell in column
    ]
    if len({len(cell) for cell in lists}) == 1:
        values = np.array(lists)
        return values.astype(object) if values.dtype.kind in "US" else values
    return tf.ragged.constant(lists, ragged_rank=1)
