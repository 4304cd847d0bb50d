"""Checks of a corpus before anything is built from it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_SHOWN = 10
_BLOCK = 65536


def _first(values: Any) -> str:
    shown = ", ".join(repr(v.decode() if isinstance(v, bytes) else v) for v in values[:_SHOWN])
    return f"{shown}, …" if len(values) > _SHOWN else shown


def checked_candidates(candidates: Any) -> tf.Tensor:
    """Returns `candidates` as a float32 tensor `[C, D]` of finite numbers, C at least 1."""
    candidates = tf.cast(tf.convert_to_tensor(candidates), tf.float32)
    if candidates.shape.rank != 2 or 0 in candidates.shape:
        raise ValueError(
            f"`candidates` must have shape [C, D] with at least one row and one column, "
            f"received shape={candidates.shape}."
        )
    finite = _finite_rows(candidates)
    if not finite.all():
        bad = np.flatnonzero(~finite).tolist()
        raise ValueError(
            f"`candidates` must be finite, received NaN or infinity in {len(bad)} rows: "
            f"{_first(bad)}. Drop these rows or mend the model that wrote them."
        )
    return candidates


def _finite_rows(values: tf.Tensor) -> npt.NDArray[np.bool_]:
    # Block by block, since an array of it all would be the corpus once more.
    starts = range(0, len(values), _BLOCK)
    return np.concatenate(
        [tf.reduce_all(tf.math.is_finite(values[i : i + _BLOCK]), axis=1).numpy() for i in starts]
    )


def checked_identifiers(identifiers: Any, num_candidates: int) -> tf.Tensor:
    """Returns the ids as an int32, int64 or string tensor `[C]` without duplicates."""
    if identifiers is None:
        return tf.range(num_candidates)
    identifiers = tf.convert_to_tensor(identifiers)
    if identifiers.shape != (num_candidates,):
        raise ValueError(
            f"`identifiers` must have shape [{num_candidates}], one id per candidate, "
            f"received shape={identifiers.shape}."
        )
    if identifiers.dtype not in (tf.int32, tf.int64, tf.string):
        raise ValueError(
            f"`identifiers` must be int32, int64 or string, received "
            f"dtype={identifiers.dtype.name}."
        )
    values, counts = np.unique(identifiers.numpy(), return_counts=True)
    twice = values[counts > 1].tolist()
    if twice:
        raise ValueError(
            f"`identifiers` must be unique, received {len(twice)} ids more than once: "
            f"{_first(twice)}. Drop the duplicated rows before indexing."
        )
    return identifiers
