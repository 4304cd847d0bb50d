"""Columns of users, items and requests as tensors, and the names they go by in signatures."""

import re
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfrs_ext.typing import Columns, TensorLike


def as_tensor(name: str, values: TensorLike) -> tf.Tensor:
    """Returns a column as a tensor: strings, int32, int64, float32 or bool."""
    if not tf.is_tensor(values):
        values = np.asarray(values)
        if values.dtype.kind in "OUST":
            values = values.astype(object)
        elif values.dtype == np.float64:
            values = values.astype(np.float32)
    try:
        return tf.convert_to_tensor(values)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {name!r} must be an array of numbers or of strings, received "
            f"dtype={getattr(values, 'dtype', type(values).__name__)}: {error}"
        ) from error


def as_columns(columns: Columns, argument: str) -> dict[str, tf.Tensor]:
    """Returns the columns as tensors and checks that they have the same number of rows."""
    tensors = {name: as_tensor(name, values) for name, values in columns.items()}
    rows = {
        name: tensor.shape[0] if tensor.shape.rank else None for name, tensor in tensors.items()
    }
    if len(set(rows.values())) > 1 or None in rows.values():
        raise ValueError(f"`{argument}` must hold columns of equal length, received rows={rows}.")
    if 0 in rows.values():
        raise ValueError(f"`{argument}` must hold at least one row, received rows={rows}.")
    return tensors


def check_finite(columns: Mapping[str, tf.Tensor], argument: str) -> None:
    """Raises ValueError where a column holds NaN or infinity, with its name and the row."""
    for name, values in columns.items():
        if not values.dtype.is_floating:
            continue
        bad = np.flatnonzero(~np.isfinite(values.numpy()).reshape(len(values), -1).all(axis=1))
        if len(bad):
            raise ValueError(
                f"`{argument}` must hold finite numbers, received NaN or infinity in column "
                f"{name!r} in {len(bad)} of {len(values)} rows, first in row {bad[0]}: fill or "
                "drop these rows."
            )


def signature_names(columns: Iterable[str], argument: str) -> dict[str, str]:
    """Maps columns to names that TensorFlow allows in signatures: letters, digits, underscores."""
    columns = list(columns)
    names = {column: signature_name(column) for column in columns}
    if len(set(names.values())) < len(columns) or "" in names:
        raise ValueError(
            f"`{argument}` must have names that differ in letters or digits, received {columns}."
        )
    return names


def signature_name(column: str) -> str:
    """Returns what signatures call a column."""
    name = re.sub(r"\W", "_", column, flags=re.ASCII)
    return f"c{name}" if name[:1] in "_0123456789" else name
