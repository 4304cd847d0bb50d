"""The rows that are in memory at once, and the batches that are taken of them."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.data.parquet.columns import Arrays
from tfrs_ext.features import History


def starts_of_users(user_ids: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Returns for each row the first row of its user, where a user's rows lie together.

    Args:
        user_ids: `[N]`.
    """
    rows = np.arange(len(user_ids))
    is_first = np.ones(len(user_ids), bool)
    is_first[1:] = user_ids[1:] != user_ids[:-1]
    return np.maximum.accumulate(np.where(is_first, rows, 0))


@dataclasses.dataclass(frozen=True)
class Window:
    """Rows of whole row groups.

    Args:
        columns: `{column: [N, ...]}`.
        starts: `[N]` the first row of each row's user, for histories.
        rows: `[M]` the rows that are to be put into batches.
    """

    columns: Arrays
    starts: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]

    @classmethod
    def join(cls, parts: Sequence["Window"]) -> "Window":
        """Puts windows one after the other."""
        sizes = [len(part.starts) for part in parts]
        offsets = np.cumsum([0, *sizes[:-1]])
        return cls(
            {n: np.concatenate([part.columns[n] for part in parts]) for n in parts[0].columns},
            np.concatenate([part.starts + o for part, o in zip(parts, offsets, strict=True)]),
            np.concatenate([part.rows + o for part, o in zip(parts, offsets, strict=True)]),
        )

    def take(self, rows: npt.NDArray[np.int64], history: History | None, item_id: str) -> Arrays:
        """Returns some rows, with what their users did before.

        Args:
            rows: `[B]` numbers of rows.
            history: The length and the padding; None for no history.
            item_id: The column of the item ids.
        """
        batch = {name: column[rows] for name, column in self.columns.items()}
        if history is not None:
            items, padding = self.columns[item_id], history.missing[0]
            places = rows[:, np.newaxis] + np.arange(-history.length, 0)
            inside = places >= self.starts[rows][:, np.newaxis]
            found = np.where(inside, items[np.maximum(places, 0)], padding)
            batch[history.name] = found.astype(items.dtype, copy=False)
        return batch


def batches_of(
    windows: Iterable[Window],
    take: Callable[[Window, npt.NDArray[np.int64]], Arrays],
    batch_size: int,
    rng: np.random.Generator | None,
) -> Iterator[Arrays]:
    """Yields batches; what is left of a window begins the first batch of the next one.

    Args:
        windows: The windows.
        take: Returns some rows of a window.
        batch_size: The rows of a batch; the last one may have fewer.
        rng: Shuffles the rows of each window; None keeps their order.
    """
    rest: Arrays = {}
    for window in windows:
        rows = window.rows if rng is None else rng.permutation(window.rows)
        first = batch_size - _size(rest)
        for begin, end in _cuts(len(rows), first, batch_size):
            rest = _join(rest, take(window, rows[begin:end]))
            if _size(rest) == batch_size:
                yield rest
                rest = {}
    if rest:
        yield rest


def _cuts(size: int, first: int, then: int) -> Iterator[tuple[int, int]]:
    begin, end = 0, first
    while begin < size:
        yield begin, min(end, size)
        begin, end = end, end + then


def _size(arrays: Arrays) -> int:
    return len(next(iter(arrays.values()))) if arrays else 0


def _join(first: Arrays, second: Arrays) -> Arrays:
    if not first:
        return second
    return {name: np.concatenate([first[name], second[name]]) for name in first}
