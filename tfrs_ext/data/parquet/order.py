"""In which order an epoch reads the rows, and which of them a worker reads.

    row groups, shuffled    | 4        | 0     | 3           | 1      | 2      |
    shards of equal size    | worker 0           | worker 1                    |
    windows of worker 0     | window     | rest |

A row group is the least that can be read, so that one on a border is read by both workers.
"""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Piece:
    """Consecutive rows of a row group.

    Args:
        group: The number of the row group among all.
        start: The first row.
        stop: The row after the last one.
    """

    group: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def shard_size(num_rows: int, shard: tuple[int, int]) -> int:
    """Returns how many of the rows a worker reads.

    Args:
        num_rows: The number of all rows.
        shard: The worker's number, and how many workers there are.
    """
    index, count = shard
    return num_rows * (index + 1) // count - num_rows * index // count


def pieces_of(
    sizes: Sequence[int], shard: tuple[int, int], rng: np.random.Generator | None
) -> list[Piece]:
    """Returns what a worker reads in an epoch, in this order. All workers together read all rows.

    Args:
        sizes: The rows of each row group.
        shard: The worker's number, and how many workers there are.
        rng: Shuffles the row groups, in the same way for all workers of equal seed; None keeps
            their order.
    """
    order = np.arange(len(sizes)) if rng is None else rng.permutation(len(sizes))
    index, count = shard
    total = sum(sizes)
    low, high = total * index // count, total * (index + 1) // count
    pieces, begin = [], 0
    for group in order.tolist():
        start, stop = max(low - begin, 0), min(high - begin, sizes[group])
        if start < stop:
            pieces.append(Piece(group, start, stop))
        begin += sizes[group]
    return pieces


def windows_of(pieces: Sequence[Piece], window_rows: int) -> Iterator[list[Piece]]:
    """Yields pieces that are shuffled together: as many as hold `window_rows` rows, at least one.

    Args:
        pieces: What an epoch reads.
        window_rows: How many rows a window has at least, but for the last one.
    """
    window: list[Piece] = []
    for piece in pieces:
        window.append(piece)
        if sum(map(len, window)) >= window_rows:
            yield window
            window = []
    if window:
        yield window
