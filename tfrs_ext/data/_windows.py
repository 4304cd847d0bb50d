"""Each user's items in order of time, and the windows that end just before a moment."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data._columns import on_host, to_array
from tfrs_ext.data.frames import Frames
from tfrs_ext.typing import Categorical, History


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows over one flat array of all users' items, user by user, each in order of time.

    Args:
        items: `[N]` item ids.
        starts: `[M]` int32, where the window's user begins in `items`.
        ends: `[M]` int32, where the window ends in `items`; the item there doesn't belong to it.
    """

    items: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor

    def gather(self, rows: tf.Tensor, history: History) -> tf.Tensor:
        """Returns the latest items of some windows.

        Args:
            rows: `[B]` integer numbers of windows.
            history: The length `L` and the padding.

        Returns:
            `[B, L]` item ids, oldest first, padded on the left.
        """
        positions = tf.gather(self.ends, rows)[:, None] + tf.range(-history.length, 0)
        inside = positions >= tf.gather(self.starts, rows)[:, None]
        items = tf.gather(self.items, tf.maximum(positions, 0))
        return tf.where(inside, items, tf.constant(history.padding, items.dtype))


def windows_before_rows(frames: Frames, earlier: Frames | None = None) -> Windows:
    """Windows of what each interaction's user did strictly before it.

    Args:
        frames: One window for each of its interactions.
        earlier: More interactions of the same users to look back on. Whose time equals a row's
            counts as before it.
    """
    parts = [frames] if earlier is None else [earlier, frames]
    users = np.concatenate([part.user_rows() for part in parts])
    times = np.concatenate([part.times() for part in parts])
    order = np.lexsort((times, users))  # Stable: of equal times, the earlier row comes first.
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    starts = _offsets(users, len(frames.users))[:-1][users]
    size = len(frames.interactions)
    return _windows(_items(parts)[order], starts[-size:], place[-size:])


def windows_of_users(frames: Frames) -> Windows:
    """Windows of all that each row of the user table did.

    Args:
        frames: The interactions to look back on.
    """
    users = frames.user_rows()
    order = np.lexsort((frames.times(), users))
    offsets = _offsets(users, len(frames.users))
    return _windows(_items([frames])[order], offsets[:-1], offsets[1:])


def _windows(
    items: npt.NDArray[Any], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> Windows:
    narrow = (starts.astype(np.int32), ends.astype(np.int32))
    return Windows(on_host(items), *map(on_host, narrow))


def _offsets(users: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(users, minlength=size))])


def _items(parts: list[Frames]) -> npt.NDArray[Any]:
    column = parts[0].schema.item_id
    feature = Categorical(column)
    return np.concatenate([to_array(part.interactions[column], feature) for part in parts])
