"""Errors for bad input to `RetrievalLoss.per_query` that name the argument."""

from typing import Any

import tensorflow as tf

from tfrs_ext.candidates import Candidates

_MAX_LOG_Q = 1e-5  # Probabilities of 1 may come out of float32 sums slightly above.


def _fail(name: str, wanted: str, received: Any) -> None:
    raise ValueError(f"`{name}` must be {wanted}, received {name}={received}.")


def _check_rank(name: str, tensor: tf.Tensor, rank: int, shape: str) -> None:
    if tensor.shape.rank not in (None, rank):
        _fail(name, f"of shape {shape}", f"a tensor of shape {tensor.shape}")


def _check_floating(name: str, tensor: tf.Tensor) -> None:
    if not tensor.dtype.is_floating:
        _fail(name, "floating point", f"a tensor of {tensor.dtype.name}")


def _same_size(name: str, tensor: tf.Tensor, axis: int, size: Any, what: str) -> Any:
    """Raises where sizes are known statically, else answers with an assertion."""
    static = tf.get_static_value(size)
    known = tensor.shape[axis] if tensor.shape.rank is not None else None
    if static is not None and known is not None:
        if known != static:
            _fail(name, f"of size {static} in axis {axis}, as {what}", f"shape {tensor.shape}")
        return None
    return tf.debugging.assert_equal(
        tf.shape(tensor)[axis], size, message=f"`{name}` must have as many entries as {what}."
    )


def _size(tensor: tf.Tensor, axis: int) -> Any:
    known = tensor.shape[axis]
    return tf.constant(known) if known is not None else tf.shape(tensor)[axis]


def _candidates(name: str, value: Candidates, width: Any) -> list[Any]:
    embeddings, ids, log_q = value
    _check_rank(f"{name}.embeddings", embeddings, 2, "[N, D]")
    _check_rank(f"{name}.ids", ids, 1, "[N]")
    _check_rank(f"{name}.log_q", log_q, 1, "[N]")
    _check_floating(f"{name}.embeddings", embeddings)
    _check_floating(f"{name}.log_q", log_q)
    if ids.dtype not in (tf.int32, tf.int64, tf.string):
        _fail(f"{name}.ids", "int32, int64 or string", f"a tensor of {ids.dtype.name}")
    size = _size(embeddings, 0)
    valid = tf.logical_and(tf.math.is_finite(log_q), log_q <= tf.cast(_MAX_LOG_Q, log_q.dtype))
    return [
        _same_size(f"{name}.embeddings", embeddings, 1, width, "`query_embeddings`"),
        _same_size(f"{name}.ids", ids, 0, size, f"`{name}.embeddings`"),
        _same_size(f"{name}.log_q", log_q, 0, size, f"`{name}.embeddings`"),
        tf.debugging.assert_equal(
            tf.reduce_all(valid),
            True,
            message=f"`{name}.log_q` must be finite logarithms of probabilities, at most 0: "
            "an item that is never drawn has none, so give every item a small frequency.",
        ),
    ]


def check_per_query(
    query_embeddings: tf.Tensor,
    positives: Candidates,
    negatives: Candidates,
    scale: tf.Tensor | None,
    mask: tf.Tensor | None,
    sample_weight: tf.Tensor | None,
) -> list[Any]:
    """Raises where something is known to be wrong; returns assertions about the rest."""
    _check_rank("query_embeddings", query_embeddings, 2, "[B, D]")
    _check_floating("query_embeddings", query_embeddings)
    rows, width = _size(query_embeddings, 0), _size(query_embeddings, 1)
    if tf.get_static_value(rows) == 0:
        _fail("query_embeddings", "at least one row", "an empty batch")
    if positives.ids.dtype != negatives.ids.dtype:
        _fail(
            "negatives.ids",
            f"of the positives' type {positives.ids.dtype.name}",
            f"a tensor of {negatives.ids.dtype.name}",
        )
    checks = [
        tf.debugging.assert_positive(
            rows, message="`query_embeddings` must have at least one row: the batch is empty."
        ),
        *_candidates("positives", positives, width),
        *_candidates("negatives", negatives, width),
        _same_size("positives.embeddings", positives.embeddings, 0, rows, "`query_embeddings`"),
    ]
    if scale is not None:
        checks.append(_scale(scale))
    if mask is not None:
        checks += _mask(tf.convert_to_tensor(mask), rows, _size(negatives.embeddings, 0))
    if sample_weight is not None:
        checks += _weights(tf.convert_to_tensor(sample_weight), rows)
    return [check for check in checks if check is not None]


def _scale(scale: Any) -> Any:
    scale = tf.convert_to_tensor(scale)
    _check_rank("scale", scale, 0, "[], one number")
    return tf.debugging.assert_positive(
        scale, message="`scale` must be positive: it is one by the temperature."
    )


def _mask(mask: tf.Tensor, rows: Any, columns: Any) -> list[Any]:
    _check_rank("mask", mask, 2, "[B, N]")
    if mask.dtype != tf.bool:
        _fail("mask", "boolean", f"a tensor of {mask.dtype.name}")
    return [
        _same_size("mask", mask, 0, rows, "`query_embeddings` has rows"),
        _same_size("mask", mask, 1, columns, "`negatives.embeddings` has rows"),
    ]


def _weights(weight: tf.Tensor, rows: Any) -> list[Any]:
    _check_rank("sample_weight", weight, 1, "[B]")
    return [
        _same_size("sample_weight", weight, 0, rows, "`query_embeddings` has rows"),
        tf.debugging.assert_non_negative(weight, message="`sample_weight` must not be negative."),
    ]
