"""Errors for bad input to `RetrievalLoss.per_query` that name the argument."""

import tensorflow as tf

from tfrs_ext.candidates import Candidates
from tfrs_ext.ops.checks import all_true, same_size
from tfrs_ext.ops.spans import size


def check_per_query(
    query_embeddings: tf.Tensor,
    positives: Candidates,
    negatives: Candidates,
    scale: tf.Tensor | None,
    mask: tf.Tensor | None,
    sample_weight: tf.Tensor | None,
) -> list[tf.Operation]:
    """Raises where something is known to be wrong; returns assertions about the rest."""
    _check_rank("query_embeddings", query_embeddings, (2, 3), "[B, D] or [B, H, D]")
    if not query_embeddings.dtype.is_floating:
        raise ValueError(
            f"`query_embeddings` must be floating point, received {query_embeddings.dtype.name}."
        )
    if positives.id_kind != negatives.id_kind:
        raise ValueError(
            f"`negatives.ids` must be {positives.id_kind}, as `positives.ids` are, received "
            f"{negatives.id_kind}."
        )
    rows, width = _size(query_embeddings, 0), _size(query_embeddings, -1)
    checks = [
        *positives.check("positives", width),
        *negatives.check("negatives", width),
        same_size("positives.embeddings", positives.embeddings, 0, rows, "`query_embeddings`"),
    ]
    if scale is not None:
        _check_rank("scale", scale, (0,), "[], one number")
        message = "`scale` must be positive: it is one by the temperature."
        checks.append(all_true(scale > 0, message, scale))
    if mask is not None:
        checks += _check_mask(mask, rows, _size(negatives.embeddings, 0))
    if sample_weight is not None:
        _check_rank("sample_weight", sample_weight, (1,), "[B]")
        message = "`sample_weight` must not be negative."
        checks += [
            same_size("sample_weight", sample_weight, 0, rows, "`query_embeddings` has rows"),
            all_true(sample_weight >= 0, message, tf.reduce_min(sample_weight)),
        ]
    return [check for check in checks if check is not None]


def _check_rank(name: str, tensor: tf.Tensor, ranks: tuple[int, ...], shape: str) -> None:
    if tensor.shape.rank is not None and tensor.shape.rank not in ranks:
        raise ValueError(f"`{name}` must be of shape {shape}, received shape={tensor.shape}.")


def _size(tensor: tf.Tensor, axis: int) -> tf.Tensor:
    return tf.convert_to_tensor(size(tensor, axis))


def _check_mask(mask: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> list[tf.Operation | None]:
    _check_rank("mask", mask, (2,), "[B, N]")
    if mask.dtype != tf.bool:
        raise ValueError(f"`mask` must be boolean, received {mask.dtype.name}.")
    return [
        same_size("mask", mask, 0, rows, "`query_embeddings` has rows"),
        same_size("mask", mask, 1, columns, "`negatives.embeddings` has rows"),
    ]
