"""Checks of a corpus before anything is built from it."""

import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.typing import TensorLike

Duplicates = Literal["warn", "error", "drop"]
ID_DTYPES = (tf.int32, tf.int64, tf.string, tf.float32, tf.float64)
_SHOWN = 10
_BLOCK = 65536


def _list_first(values: Sequence[object]) -> str:
    shown = ", ".join(repr(v.decode() if isinstance(v, bytes) else v) for v in values[:_SHOWN])
    return f"{shown}, …" if len(values) > _SHOWN else shown


def check_candidates(candidates: TensorLike) -> tf.Tensor:
    """Returns `candidates` as a float32 tensor `[C, D]` of finite numbers, C at least 1.

    Raises:
        ValueError: Where they are no such matrix.
    """
    if isinstance(candidates, tf.data.Dataset):
        raise ValueError(
            "`candidates` must be a matrix [C, D], received a tf.data.Dataset: call "
            "`index_from_dataset` instead."
        )
    candidates = as_numbers(candidates, "candidates", "a matrix [C, D] of numbers")
    if candidates.shape.rank != 2 or 0 in candidates.shape:
        raise ValueError(
            f"`candidates` must have shape [C, D] with at least one row and one column, "
            f"received shape={candidates.shape}."
        )
    finite = _find_finite(candidates)
    if not finite.all():
        bad = np.flatnonzero(~finite).tolist()
        raise ValueError(
            f"`candidates` must be finite, received NaN or infinity in {len(bad)} rows: "
            f"{_list_first(bad)}. Drop these rows or mend the model that wrote them."
        )
    return candidates


def as_numbers(values: TensorLike, name: str, wanted: str) -> tf.Tensor:
    """Returns `values` as a float32 tensor.

    Args:
        values: What a user gave.
        name: The argument, for the error.
        wanted: What it must be, for the error.

    Raises:
        ValueError: Where they are no numbers, or rows differ in length.
    """
    if isinstance(values, tf.Tensor) and values.dtype == tf.float32:
        return values
    try:
        numbers = tf.convert_to_tensor(values)
    except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
        raise ValueError(
            f"`{name}` must be {wanted}, received {type(values).__name__} that isn't one: rows of "
            "different length, a dict of columns, or no numbers."
        ) from error
    if not (numbers.dtype.is_floating or numbers.dtype.is_integer):
        raise ValueError(f"`{name}` must be {wanted}, received dtype={numbers.dtype.name}.")
    return tf.cast(numbers, tf.float32)


def _find_finite(values: tf.Tensor) -> npt.NDArray[np.bool_]:
    # Block by block, since an array of it all would be the corpus once more.
    starts = range(0, len(values), _BLOCK)
    return np.concatenate(
        [tf.reduce_all(tf.math.is_finite(values[i : i + _BLOCK]), axis=1).numpy() for i in starts]
    )


def check_identifiers(identifiers: TensorLike | None, num_candidates: int) -> tf.Tensor:
    """Returns the ids as a tensor `[C]` of whole numbers, strings or floats.

    Raises:
        ValueError: Where there isn't one id for each candidate.
    """
    if identifiers is None:
        return tf.range(num_candidates)
    if isinstance(identifiers, tf.data.Dataset):
        raise ValueError(
            "`identifiers` must be a vector [C], received a tf.data.Dataset: zip it with the "
            "candidates and call `index_from_dataset`."
        )
    ids = tf.convert_to_tensor(identifiers)
    if ids.shape != (num_candidates,):
        raise ValueError(
            f"`identifiers` must have shape [{num_candidates}], one id per candidate, "
            f"received shape={ids.shape}."
        )
    if ids.dtype not in ID_DTYPES:
        raise ValueError(
            f"`identifiers` must be int32, int64, string, float32 or float64, received "
            f"dtype={ids.dtype.name}."
        )
    return ids


def settle_duplicates(
    candidates: tf.Tensor, identifiers: tf.Tensor, duplicates: Duplicates
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns candidates and ids, with what `duplicates` says done about ids that come twice.

    Args:
        candidates: `[C, D]`.
        identifiers: `[C]`.
        duplicates: `"warn"` keeps all rows, `"error"` refuses, `"drop"` keeps the first row of
            each id.

    Raises:
        ValueError: Where ids come twice and `duplicates` is `"error"`.
    """
    if duplicates not in ("warn", "error", "drop"):
        raise ValueError(
            f'`duplicates` must be "warn", "error" or "drop", received {duplicates!r}.'
        )
    values, first, counts = np.unique(identifiers.numpy(), return_index=True, return_counts=True)
    twice = values[counts > 1].tolist()
    if not twice:
        return candidates, identifiers
    if duplicates == "drop":
        kept = np.sort(first)
        return tf.gather(candidates, kept), tf.gather(identifiers, kept)
    found = f"received {len(twice)} ids more than once: {_list_first(twice)}"
    mend = '`duplicates="drop"` keeps the first row of each'
    if duplicates == "error":
        raise ValueError(f"`identifiers` must be unique, {found}. {mend}.")
    message = (
        f"`identifiers` should be unique, {found}. An answer may hold such an id twice; {mend}."
    )
    warnings.warn(message, stacklevel=3)
    return candidates, identifiers
