"""Pure functions over rows of results: padding, exclusion, and looking rows up."""

from typing import Any

import tensorflow as tf

PADDING_ROW = -1


def padding_score(dtype: tf.DType = tf.float32) -> Any:
    """The score of a place that holds no candidate: finite, so that JSON can carry it."""
    return dtype.min


def gather_rows(values: tf.Tensor, rows: tf.Tensor, padding: Any = None) -> tf.Tensor:
    """Looks `rows` up in `values`; places without a candidate get `padding`.

    Args:
        values: `[C]` or `[C, ...]`.
        rows: int32 of any shape, -1 where there is no candidate.
        padding: Scalar; by default `""` for strings, NaN for floats, False for bools
            and -1 for integers.

    Returns:
        `rows.shape + values.shape[1:]`.
    """
    found = tf.gather(values, tf.maximum(rows, 0))
    if padding is None:
        padding = _padding(found.dtype)
    missing = tf.reshape(
        rows < 0, tf.concat([tf.shape(rows), tf.ones(tf.rank(found) - tf.rank(rows), tf.int32)], 0)
    )
    return tf.where(missing, tf.cast(padding, found.dtype), found)


def _padding(dtype: tf.DType) -> Any:
    if dtype.is_floating:
        return float("nan")
    return {tf.string: "", tf.bool: False}.get(dtype, -1)


def is_in(values: tf.Tensor, sets: tf.Tensor) -> tf.Tensor:
    """Whether `values[b, i]` is one of `sets[b, :]`.

    Args:
        values: `[B, K]` integers or strings.
        sets: `[B, E]` of the same dtype.

    Returns:
        `[B, K]` bool.
    """
    if values.dtype == tf.string:
        return tf.reduce_any(values[:, :, None] == sets[:, None, :], axis=-1)
    # A search wants at least one column on both sides: add one, and discount it.
    extra = values.dtype.max
    widen = [[0, 0], [0, 1]]
    ordered = tf.sort(tf.pad(sets, widen, constant_values=extra), axis=1)
    wanted = tf.pad(values, widen)
    first, after = (tf.searchsorted(ordered, wanted, side=side) for side in ("left", "right"))
    return (after - first)[:, :-1] > tf.cast(values == extra, tf.int32)


def keep_first(
    scores: tf.Tensor, rows: tf.Tensor, dropped: tf.Tensor, k: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    """Removes the dropped places, closes the gaps in order, and returns the first `k` columns.

    Args:
        scores: `[B, M]`, best first.
        rows: `[B, M]` int32.
        dropped: `[B, M]` bool.
        k: Number of columns to return, at most M.

    Returns:
        scores `[B, k]` and rows `[B, k]`, padded at the end.
    """
    scores = tf.where(dropped, padding_score(scores.dtype), scores)
    rows = tf.where(dropped, PADDING_ROW, rows)
    order = tf.argsort(tf.cast(dropped, tf.int32), axis=1, stable=True)[:, :k]
    return tf.gather(scores, order, batch_dims=1), tf.gather(rows, order, batch_dims=1)
