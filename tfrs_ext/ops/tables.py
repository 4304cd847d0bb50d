"""Checks of the tables of items that frequencies and samplers are built from."""

import numpy as np
import tensorflow as tf

from tfrs_ext.typing import TensorLike


def _as_text(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def check_ids(ids: TensorLike, name: str) -> np.ndarray:
    """Returns `ids` as a NumPy array `[M]` of int64 or str, or says what is wrong with them."""
    array = np.asarray(ids)
    if array.ndim != 1 or not array.size:
        raise ValueError(
            f"`{name}` must be one axis of at least one id, received shape={array.shape}."
        )
    if array.dtype.kind in "SUO":
        array = np.array([_as_text(value) for value in array.tolist()])
    elif array.dtype.kind in "iu":
        array = array.astype(np.int64)
    else:
        raise ValueError(
            f"`{name}` must be integers or strings, received dtype={array.dtype.name}."
        )
    unique, repeats = np.unique(array, return_counts=True)
    if len(unique) < len(array):
        repeated = unique[repeats > 1][:3].tolist()
        raise ValueError(f"`{name}` must be unique, received repeats of {repeated}.")
    return array


def check_counts(counts: TensorLike, length: int) -> np.ndarray:
    """Returns `counts` as float64 `[length]`, or says what is wrong with them."""
    array = np.asarray(counts, dtype=np.float64)
    if array.shape != (length,):
        raise ValueError(
            f"`counts` must have one value per id, shape=({length},), received shape={array.shape}."
        )
    bad = array[~(np.isfinite(array) & (array >= 0))]
    if bad.size:
        raise ValueError(f"`counts` must be finite and ≥ 0, received {bad[:3].tolist()}.")
    return array


def check_same_kind(ids: tf.Tensor, table: tf.Tensor | np.ndarray) -> None:
    """Raises where strings are looked up in a table of integers, or the other way round."""
    dtype, wanted = tf.convert_to_tensor(ids).dtype, tf.as_dtype(table.dtype)
    if (dtype == tf.string) != (wanted == tf.string):
        wanted = "strings" if wanted == tf.string else "integers"
        raise ValueError(
            f"`ids` must be {wanted}, as the ids of the table are, received dtype={dtype.name}."
        )
