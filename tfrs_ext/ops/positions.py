"""Positions that a search found: looked up, excluded, and padded where it found too few.

A position is the place of a candidate in the corpus. Where a row has no candidate left it holds
`NO_POSITION`, with the score `no_score()`; such places are always the last of their row.
"""

import tensorflow as tf

NO_POSITION = -1


def no_score(dtype: tf.DType = tf.float32) -> float:
    """Returns the score where there is no candidate: finite, so that JSON can carry it."""
    return float(dtype.min)


def gather_or_pad(
    values: tf.Tensor, positions: tf.Tensor, padding: float | str | bool | None = None
) -> tf.Tensor:
    """Looks `positions` up in `values`; places without a candidate get `padding`.

    Args:
        values: `[C]` or `[C, ...]`.
        positions: int32 of any shape, -1 where there is no candidate.
        padding: Scalar; by default `""` for strings, NaN for floats, False for bools
            and -1 for integers.

    Returns:
        `positions.shape + values.shape[1:]`.
    """
    # Rows gathered from a variable itself would make TensorFlow copy the whole variable in each
    # read from then on, for ever: a search that reads all candidates would take many times as long.
    found = tf.gather(tf.convert_to_tensor(values), tf.maximum(positions, 0))
    missing = positions < 0
    if values.shape.rank != 1:
        ones = tf.ones(tf.rank(found) - tf.rank(positions), tf.int32)
        missing = tf.reshape(missing, tf.concat([tf.shape(positions), ones], 0))
    if padding is None:
        padding = _padding(found.dtype)
    return tf.where(missing, tf.cast(padding, found.dtype), found)


def _padding(dtype: tf.DType) -> float | str | bool:
    if dtype.is_floating:
        return float("nan")
    if dtype == tf.string:
        return ""
    return False if dtype == tf.bool else -1


def is_in(values: tf.Tensor, sets: tf.Tensor) -> tf.Tensor:
    """Returns whether `values[b, i]` is one of `sets[b, :]`.

    Args:
        values: `[B, K]` numbers or strings.
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
    scores: tf.Tensor, positions: tf.Tensor, dropped: tf.Tensor, k: int | tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Removes the dropped places, closes the gaps in order, and returns the first `k` columns.

    Args:
        scores: `[B, M]`, best first.
        positions: `[B, M]` int32.
        dropped: `[B, M]` bool.
        k: Number of columns to return, at most M.

    Returns:
        scores `[B, k]` and positions `[B, k]`, padded at the end.
    """
    scores = tf.where(dropped, no_score(scores.dtype), scores)
    positions = tf.where(dropped, NO_POSITION, positions)
    order = tf.argsort(tf.cast(dropped, tf.int32), axis=1, stable=True)[:, :k]
    return tf.gather(scores, order, batch_dims=1), tf.gather(positions, order, batch_dims=1)
