"""Which rows an epoch takes, in which order, and how old they are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data.columns import on_host
from tfrs_ext.data.frames import Frames

Order = Callable[[tf.Tensor], tf.Tensor]
"""From a seed `[2]` to row numbers `[N]` int64 in the order of an epoch."""


def shuffled_rows(size: int) -> Order:
    """Takes every row once.

    Args:
        size: The number of rows.
    """
    return lambda seed: tf.random.experimental.stateless_shuffle(
        tf.range(size, dtype=tf.int64), seed
    )


def equal_rows(users: npt.NDArray[np.int64], rows_per_user: int) -> Order:
    """Takes equally many rows of every user.

    Each user's rows are put into a random order, and are dealt out from its beginning, again and
    again, until `rows_per_user` are: no row is dealt twice more often than another.

    Args:
        users: `[N]` the user of each row.
        rows_per_user: How many rows of each user to take.
    """
    counts = np.bincount(users)
    begins = np.cumsum(counts) - counts
    present = np.flatnonzero(counts)
    dealt = begins[present, None] + np.arange(rows_per_user) % counts[present, None]
    places, of_user = on_host(dealt.reshape(-1)), on_host(users)
    shuffle = tf.random.experimental.stateless_shuffle

    def order(seed: tf.Tensor) -> tf.Tensor:
        rows = shuffle(tf.range(len(users), dtype=tf.int64), seed)
        by_user = tf.gather(rows, tf.argsort(tf.gather(of_user, rows), stable=True))
        return shuffle(tf.gather(by_user, places), seed + 1)

    return order


def ages_of(frames: Frames) -> npt.NDArray[Any]:
    """Returns the rows' ages `[N]` float32: 0 for the latest, 1 for the earliest.

    Where times aren't known, rows age by their order.

    Args:
        frames: The interactions.
    """
    has_times = frames.schema.timestamp is not None
    times = frames.times() if has_times else np.arange(len(frames.interactions))
    return ((times.max() - times) / max(1, times.max() - times.min())).astype(np.float32)
