"""Rows of the catalogue, a list for each query, in the one form that the ranks are counted from."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_POSITIVES_IN_BLOCK = 65_536


def ragged_rows(values: Any, name: str, queries: int, candidates: int) -> tf.RaggedTensor:
    """Returns `[Q, (P)]` int32: each row once, ascending, padding dropped.

    Args:
        values: `[Q]` or `[Q, P]` integers, a `tf.RaggedTensor` or a list of lists; what is
            negative is padding.
        name: The argument, for errors.
        queries: Q.
        candidates: Rows must be smaller.
    """
    owners, rows = _flat(values)
    count = _count(values)
    if count != queries:
        raise ValueError(
            f"`{name}` must have a row for each of the {queries} queries, received {count}."
        )
    owners, rows = owners[rows >= 0], rows[rows >= 0]
    if rows.size and rows.max() >= candidates:
        raise ValueError(
            f"`{name}` must hold row numbers below the number of candidates, {candidates}, "
            f"received {rows.max()}: turn ids into rows of the candidates first."
        )
    return _from_keys(np.unique(owners * candidates + rows), queries, candidates)


def without(left: tf.RaggedTensor, right: tf.RaggedTensor, candidates: int) -> tf.RaggedTensor:
    """Returns the rows of `left` that `right` doesn't have for the same query."""
    ours, theirs = (owners * candidates + rows for owners, rows in (_flat(left), _flat(right)))
    rest = np.setdiff1d(ours, theirs, assume_unique=True)
    return _from_keys(rest, int(left.nrows()), candidates)


def blocks(positives: tf.RaggedTensor) -> Iterator[slice]:
    """Cuts the queries so that a block has few enough positives to fit in memory."""
    splits = positives.row_splits.numpy()
    cuts = np.searchsorted(splits, np.arange(0, splits[-1], _POSITIVES_IN_BLOCK))
    edges = np.unique([0, *cuts, len(splits) - 1]).tolist()
    return (slice(begin, end) for begin, end in itertools.pairwise(edges))


def _from_keys(keys: npt.NDArray[np.int64], queries: int, candidates: int) -> tf.RaggedTensor:
    lengths = np.bincount(keys // candidates, minlength=queries)
    return tf.RaggedTensor.from_row_lengths((keys % candidates).astype(np.int32), lengths)


def _flat(values: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns owners and rows, one of each for every pair."""
    if isinstance(values, tf.RaggedTensor):
        owners, rows = values.value_rowids().numpy(), values.flat_values.numpy()
    elif _is_list_of_lists(values):
        lengths = [len(row) for row in values]
        owners = np.repeat(np.arange(len(lengths)), lengths)
        rows = np.concatenate([np.asarray(row, np.int64) for row in values])
    else:
        rows = np.asarray(values)
        owners = np.broadcast_to(
            np.arange(len(rows)).reshape(-1, *[1] * (rows.ndim - 1)), rows.shape
        )
    if rows.size and rows.dtype.kind not in "iu":
        raise ValueError(f"Row numbers must be integers, received {rows.dtype}.")
    return owners.ravel().astype(np.int64), rows.ravel().astype(np.int64)


def _count(values: Any) -> int:
    return int(values.nrows()) if isinstance(values, tf.RaggedTensor) else len(values)


def _is_list_of_lists(values: Any) -> bool:
    return isinstance(values, (list, tuple)) and len(values) > 0 and np.ndim(values[0]) == 1
