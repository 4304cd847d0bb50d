"""Checks of what an index is asked: the number of results, the queries and the exclusions."""

import operator

import numpy as np
import tensorflow as tf

from tfrs_ext.indexes.corpus_checks import as_numbers
from tfrs_ext.ops.hashing import widest
from tfrs_ext.typing import TensorLike


def check_k(k: int | tf.Tensor, num_candidates: int) -> int | tf.Tensor:
    """Returns how many results there will be, `min(k, C)`: a Python int where k is known.

    Args:
        k: A whole number, or a scalar tensor of whole numbers.
        num_candidates: C.

    Raises:
        ValueError: Where k isn't a positive whole number; in a graph an `InvalidArgumentError`.
    """
    if isinstance(k, int) or tf.executing_eagerly() or not tf.is_tensor(k):
        return min(as_positive(k), num_candidates)
    number: tf.Tensor = k
    if not number.dtype.is_integer or number.shape.rank not in (0, None):
        raise ValueError(
            "`k` must be a positive integer, received a tensor of "
            f"dtype={number.dtype.name} and shape={number.shape}."
        )
    positive = tf.debugging.Assert(
        tf.reduce_all(number > 0), ["`k` must be a positive integer, received k =", number]
    )
    with tf.control_dependencies([positive]):
        # Clipped as it came: a cast first would make 1 of 4294967297.
        return tf.cast(tf.minimum(tf.ensure_shape(number, []), num_candidates), tf.int32)


def as_positive(k: int | tf.Tensor) -> int:
    """Returns k as a Python int.

    Args:
        k: A whole number, of Python, NumPy or TensorFlow.

    Raises:
        ValueError: Where it isn't a positive whole number.
    """
    shown = k if isinstance(k, int) else getattr(k, "numpy", lambda: k)()
    try:
        number = operator.index(shown)
    except TypeError:
        number = 0
    if number < 1 or isinstance(k, bool):
        raise ValueError(f"`k` must be a positive integer, received k={shown!r}.")
    return number


def as_batch(queries: TensorLike) -> tuple[tf.Tensor, bool]:
    """Returns query embeddings as a batch `[B, D]`, and whether it was one query `[D]`.

    Args:
        queries: `[B, D]` or `[D]`.

    Raises:
        ValueError: Where they are no numbers.
    """
    queries = as_numbers(queries, "queries", "embeddings [B, D]")
    is_one = queries.shape.rank == 1
    return (queries[None] if is_one else queries), is_one


def check_queries(queries: TensorLike, width: int, limit: float) -> tf.Tensor:
    """Returns query embeddings as a float32 tensor `[B, D]` whose scores are finite.

    Args:
        queries: `[B, D]`.
        width: D.
        limit: The largest absolute value with which no score of the corpus can overflow.

    Raises:
        ValueError: Where they don't fit; in a graph an `InvalidArgumentError`.
    """
    queries = as_numbers(queries, "queries", f"embeddings [B, {width}]")
    if queries.shape.rank not in (2, None) or queries.shape[-1] not in (None, width):
        raise ValueError(
            f"Query embeddings must have shape [B, {width}] as the candidates have, "
            f"received shape={queries.shape}."
        )
    message = (
        f"Query embeddings must be finite and at most {limit:.4g} in absolute value, beyond which "
        "scores of this corpus overflow"
    )
    if tf.executing_eagerly():
        _check_size(queries, limit, message)
        return queries
    queries = tf.ensure_shape(queries, [None, width])
    # NaN isn't smaller than anything, so one comparison finds it, infinity and what overflows.
    is_fine = tf.reduce_all(tf.abs(queries) <= limit)
    with tf.control_dependencies([tf.debugging.Assert(is_fine, [message])]):
        return tf.identity(queries)


def _check_size(queries: tf.Tensor, limit: float, message: str) -> None:
    # In NumPy: of one query, three operations of TensorFlow cost as much as the search.
    sizes = np.abs(queries.numpy())
    if not (sizes.size == 0 or sizes.max() <= limit):
        bad = np.flatnonzero(~(sizes <= limit).all(axis=1)).tolist()
        raise ValueError(f"{message}, received others in rows {bad[:10]} of {len(queries)}.")


def check_exclusions(exclusions: TensorLike, dtype: tf.DType, queries: int | None) -> tf.Tensor:
    """Returns the ids that a request leaves out as a tensor `[B, E]`, whole numbers as int64.

    Args:
        exclusions: `[B, E]` ids, or rows of different length.
        dtype: The dtype of the identifiers.
        queries: B, None where a graph doesn't know it.

    Raises:
        ValueError: Where they don't fit.
    """
    if isinstance(exclusions, (list, tuple)) and _lengths_differ(exclusions):
        exclusions = tf.ragged.constant(exclusions)
    if isinstance(exclusions, tf.RaggedTensor):
        padding = "" if exclusions.dtype == tf.string else -1
        exclusions = exclusions.to_tensor(tf.cast(padding, exclusions.dtype))
    exclusions = tf.convert_to_tensor(exclusions)
    if exclusions.shape.rank not in (2, None) or not _agree(exclusions.shape[0], queries):
        raise ValueError(
            "`exclusions` must have shape [B, E], the ids that each of the B queries leaves out, "
            f"received shape={exclusions.shape} with {queries} queries."
        )
    wide = widest(dtype)
    if 0 in exclusions.shape:  # An empty list has the dtype of floats.
        return tf.zeros(exclusions.shape, wide)
    if wide not in (widest(exclusions.dtype), tf.float64):
        raise ValueError(
            f"`exclusions` must be ids as the identifiers are, {dtype.name}, received "
            f"dtype={exclusions.dtype.name}."
        )
    return tf.cast(exclusions, wide)


def _agree(size: int | None, other: int | None) -> bool:
    return size is None or other is None or size == other


def _lengths_differ(rows: list[object] | tuple[object, ...]) -> bool:
    sizes = {len(row) if isinstance(row, (list, tuple)) else -1 for row in rows}
    return len(sizes) > 1 and -1 not in sizes
