"""Each user's items in order of time, and the windows that end just before a moment."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data.columns import ids_array, on_host
from tfrs_ext.data.feature_set import FeatureSet
from tfrs_ext.data.frames import Frames


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows over one flat array of all users' items, user by user, each in order of time.

    Args:
        items: `[N]` item ids.
        places: `[N]` int32, the rows of these items in the item table.
        times: `[N]` int64, when these items were taken.
        starts: `[M]` int32, where the window's user begins in `items`.
        ends: `[M]` int32, where the window ends in `items`; the item there doesn't belong to it.
    """

    items: tf.Tensor
    places: tf.Tensor
    times: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor

    def gather_all(
        self, rows: tf.Tensor, features: FeatureSet, items: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns all histories of some windows, and their times, `{column: [B, L]}`.

        Args:
            rows: `[B]` integer numbers of windows.
            features: Whose histories are gathered; the first is of the ids, others are of columns
                of the item table.
            items: `{column: [C]}`, of the item table.
        """
        found: dict[str, tf.Tensor] = {}
        for of, history in features.histories.items():
            positions, inside = self._positions(rows, history.length)
            if of == features.candidate[0].name:
                values = tf.gather(self.items, positions)
            else:
                values = tf.gather(items[of], tf.gather(self.places, positions))
            found[history.name] = _fill(values, inside, history.padding)
        if features.times is not None:
            positions, inside = self._positions(rows, features.times.length)
            found[features.times.name] = _fill(tf.gather(self.times, positions), inside, 0)
        return found

    def _positions(self, rows: tf.Tensor, length: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns where the windows' latest items are, `[B, L]`, and whether there are so many."""
        positions = tf.gather(self.ends, rows)[:, None] + tf.range(-length, 0)
        inside = positions >= tf.gather(self.starts, rows)[:, None]
        return tf.maximum(positions, 0), inside


@dataclasses.dataclass(frozen=True)
class Timeline:
    """Where rows stand when they are sorted by user, then by time, then as they came.

    Args:
        order: `[N]` row numbers in that order.
        places: `[N]` the place of each row in it.
        begins: `[N]` the place at which the rows of each row's user begin.
    """

    order: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]

    @classmethod
    def of(cls, parts: Sequence[Frames]) -> "Timeline":
        """Sorts the interactions of several parts of one data set."""
        users = np.concatenate([part.user_rows() for part in parts])
        times = np.concatenate([part.times() for part in parts])
        order = np.lexsort((times, users))  # Stable: of equal times, the earlier row comes first.
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return cls(order, places, _offsets(users, len(parts[0].users))[:-1][users])


def windows_before_rows(
    frames: Frames, earlier: Frames | None = None, *, positives_only: bool = False
) -> Windows:
    """Windows of what each interaction's user did strictly before it.

    Args:
        frames: One window for each of its interactions.
        earlier: More interactions of the same users to look back on. Whose time equals a row's
            counts as before it.
        positives_only: Whether windows hold rows with a positive label alone.
    """
    parts = [frames] if earlier is None else [earlier, frames]
    timeline = Timeline.of(parts)
    kept = np.concatenate([_is_kept(part, positives_only) for part in parts])[timeline.order]
    before = np.concatenate([[0], np.cumsum(kept)])  # How many are kept before each place.
    places = timeline.places[-len(frames.interactions) :]
    starts = before[timeline.begins[-len(frames.interactions) :]]
    # What is gathered from must not be empty, even where all windows are.
    order = timeline.order[kept] if kept.any() else timeline.order[:1]
    return _windows(parts, order, starts, before[places])


def windows_of_users(frames: Frames) -> Windows:
    """Windows of all that each row of the user table did.

    Args:
        frames: The interactions to look back on.
    """
    users = frames.user_rows()
    order = np.lexsort((frames.times(), users))
    offsets = _offsets(users, len(frames.users))
    return _windows([frames], order, offsets[:-1], offsets[1:])


def _windows(
    parts: Sequence[Frames],
    order: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> Windows:
    places = np.concatenate([part.item_rows() for part in parts])[order]
    times = np.concatenate([part.times() for part in parts])[order].astype(np.int64)
    rows, *ends_of = (part.astype(np.int32) for part in (places, starts, ends))
    return Windows(*map(on_host, (_items(parts)[order], rows, times, *ends_of)))


def _fill(values: tf.Tensor, inside: tf.Tensor, padding: int | str | None) -> tf.Tensor:
    return tf.where(inside, values, tf.constant(padding, values.dtype))


def _is_kept(frames: Frames, positives_only: bool) -> npt.NDArray[np.bool_]:
    label = frames.schema.label
    if not positives_only or label is None:
        return np.ones(len(frames.interactions), bool)
    return frames.interactions[label].to_numpy(np.float64) > 0


def _offsets(users: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(users, minlength=size))])


def _items(parts: Sequence[Frames]) -> npt.NDArray[Any]:
    return np.concatenate([ids_array(part.interactions[part.schema.item_id]) for part in parts])
