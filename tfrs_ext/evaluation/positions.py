"""Positions in the catalogue, a list for each query, in the form that ranks are counted from."""

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.typing import PositionLists

_POSITIVES_IN_BLOCK = 65_536


def position_lists(
    values: PositionLists, name: str, num_queries: int, num_candidates: int
) -> tf.RaggedTensor:
    """Returns `[Q, (P)]` int32: each position of a query once, ascending, without padding.

    Args:
        values: `[Q]` or `[Q, P]` integers, a `tf.RaggedTensor` or a list of lists; negative
            numbers are padding.
        name: The name of the argument, for errors.
        num_queries: Q.
        num_candidates: C; positions must be smaller.
    """
    owners, positions = _flat(values, name)
    count = _count(values)
    if count != num_queries:
        raise ValueError(
            f"`{name}` must have an entry for each of the {num_queries} queries, received {count}."
        )
    owners, positions = owners[positions >= 0], positions[positions >= 0]
    if positions.size and positions.max() >= num_candidates:
        raise ValueError(
            f"`{name}` must hold positions below the number of candidates, {num_candidates}, "
            f"received {positions.max()}: turn ids into positions of the candidates first."
        )
    return _from_keys(np.unique(owners * num_candidates + positions), num_queries, num_candidates)


def wanted_and_excluded(
    positives: PositionLists, seen: PositionLists | None, num_queries: int, num_candidates: int
) -> tuple[tf.RaggedTensor, tf.RaggedTensor | None]:
    """Returns each query's positives, and what doesn't compete: what was seen without these.

    Args:
        positives: The positions that each query should find, in a form of `position_lists`.
        seen: The positions of what each query has seen, in the same forms; None for nothing.
        num_queries: Q.
        num_candidates: C.
    """
    wanted = position_lists(positives, "positives", num_queries, num_candidates)
    if seen is None:
        return wanted, None
    known = position_lists(seen, "seen", num_queries, num_candidates)
    return wanted, _without(known, wanted, num_candidates)


def _without(left: tf.RaggedTensor, right: tf.RaggedTensor, num_candidates: int) -> tf.RaggedTensor:
    """Returns the positions of `left` that `right` doesn't have for the same query."""
    ours, theirs = (
        owners * num_candidates + positions
        for owners, positions in (_flat(left, "left"), _flat(right, "right"))
    )
    rest = np.setdiff1d(ours, theirs, assume_unique=True)
    return _from_keys(rest, int(left.nrows()), num_candidates)


def blocks(positives: tf.RaggedTensor) -> Iterator[slice]:
    """Cuts the queries so that a block has few enough positives to fit in memory."""
    splits = positives.row_splits.numpy()
    cuts = np.searchsorted(splits, np.arange(0, splits[-1], _POSITIVES_IN_BLOCK))
    edges = np.unique([0, *cuts, len(splits) - 1]).tolist()
    return (slice(begin, end) for begin, end in itertools.pairwise(edges))


def _from_keys(
    keys: npt.NDArray[np.int64], num_queries: int, num_candidates: int
) -> tf.RaggedTensor:
    lengths = np.bincount(keys // num_candidates, minlength=num_queries)
    return tf.RaggedTensor.from_row_lengths((keys % num_candidates).astype(np.int32), lengths)


def _flat(values: PositionLists, name: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns queries and positions, one of each for every pair."""
    if isinstance(values, tf.RaggedTensor):
        owners, positions = values.value_rowids().numpy(), values.flat_values.numpy()
    elif _is_list_of_lists(values):
        lengths = [len(entry) for entry in values]
        owners = np.repeat(np.arange(len(lengths)), lengths)
        positions = np.concatenate([np.asarray(entry, np.int64) for entry in values])
    else:
        positions = np.asarray(values)
        owners = np.broadcast_to(
            np.arange(len(positions)).reshape(-1, *[1] * (positions.ndim - 1)), positions.shape
        )
    if positions.size and positions.dtype.kind not in "iu":
        raise ValueError(f"`{name}` must hold whole numbers, received {positions.dtype}.")
    return owners.ravel().astype(np.int64), positions.ravel().astype(np.int64)


def _count(values: PositionLists) -> int:
    return int(values.nrows()) if isinstance(values, tf.RaggedTensor) else len(values)


def _is_list_of_lists(values: PositionLists) -> bool:
    return isinstance(values, (list, tuple)) and len(values) > 0 and np.ndim(values[0]) == 1
