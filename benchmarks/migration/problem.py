"""Ratings of films, or of made-up items, in the form that TFRS's tutorials read."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext import data

Arrays = Mapping[str, np.ndarray]
HISTORY = 10  # How many earlier items the sequential model reads.
LIST = 5  # How many items a list holds.


@dataclasses.dataclass(frozen=True)
class Problem:
    """Rows in one random order for all programs, the last fifth of which is the test part.

    Attributes:
        rows: `user_id`, `item_id`, `title`, `rating`, `timestamp`, `history`, `is_last`, and the
            columns of users, one entry a row. Ids and words are bytes, as TFRS's data sets are.
        items: `item_id` and `title` of all items.
        user_columns: The columns of users that are words.
    """

    rows: Arrays
    items: Arrays
    user_columns: tuple[str, ...]

    @classmethod
    def of(cls, frames: data.Frames, seed: int = 42) -> "Problem":
        """Takes tables with a column `rating`.

        Args:
            frames: The tables.
            seed: Of the random order.
        """
        kinds = frames.schema.user_features.items()
        words = tuple(name for name, kind in kinds if kind == "categorical")
        users = frames.users[["user_id", *words]]
        items = frames.items[["item_id", "title"]]
        table = frames.interactions.sort_values(["user_id", "timestamp"], kind="stable")
        table = table.merge(users, on="user_id").merge(items, on="item_id", how="left")
        histories, is_last = _look_back(table.sort_values(["user_id", "timestamp"], kind="stable"))
        table = table.assign(is_last=is_last)
        order = np.random.default_rng(seed).permutation(len(table))
        columns = ["user_id", "item_id", "title", "rating", "timestamp", "is_last", *words]
        rows = {name: _as_array(table[name])[order] for name in columns}
        rows["history"] = histories[order]
        return cls(rows, {name: _as_array(items[name]) for name in items.columns}, words)

    @property
    def num_training_rows(self) -> int:
        """How many rows come before the test part."""
        return len(self.rows["rating"]) * 4 // 5

    def vocabulary(self, column: str) -> list[bytes]:
        """Returns the distinct values of a column, sorted."""
        return np.unique(self.items.get(column, self.rows.get(column))).tolist()

    def item_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the items of the training part, and how often each occurs."""
        return np.unique(self.rows["item_id"][: self.num_training_rows], return_counts=True)

    def parts(self, size: int = 8192) -> tuple[tf.data.Dataset, tf.data.Dataset]:
        """Returns batches of the training and the test part.

        Args:
            size: Rows in a batch of the training part; the test part has half as many.
        """
        cut = self.num_training_rows
        rows = {name: column for name, column in self.rows.items() if column.ndim == 1}
        return (
            _batches({name: column[:cut] for name, column in rows.items()}, size),
            _batches({name: column[cut:] for name, column in rows.items()}, size // 2),
        )

    def parts_by_time(self, size: int = 8192) -> tuple[tf.data.Dataset, tf.data.Dataset]:
        """Returns batches of all rows that have a history, and of each user's last row."""
        has_history, last = self.rows["history"][:, -1] != b"", self.rows["is_last"]
        return (
            _batches({n: c[has_history & ~last] for n, c in self.rows.items()}, size),
            _batches({n: c[has_history & last] for n, c in self.rows.items()}, size // 2),
        )

    def lists(self, size: int = 1024) -> tuple[tf.data.Dataset, tf.data.Dataset]:
        """Returns batches of lists, each of items that one user has rated, of both parts."""
        cut = self.num_training_rows
        return (
            _batches(_make_lists(self.rows, np.arange(cut)), size),
            _batches(_make_lists(self.rows, np.arange(cut, len(self.rows["rating"]))), size),
        )

    def catalogue(self) -> tf.data.Dataset:
        """Returns batches of all items."""
        return _batches(self.items, 128)


def _as_array(column: "pd.Series") -> np.ndarray:
    if column.name == "rating":
        return column.to_numpy(np.float32)
    if column.name in ("timestamp", "is_last"):
        return column.to_numpy()
    return np.char.encode(column.astype(str).to_numpy(np.str_), "utf-8")


def _look_back(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids before each row, padded in front, and whether a row is its user's last."""
    ids = _as_array(table["item_id"])
    padded = np.concatenate([np.full(HISTORY, b"", ids.dtype), ids])
    windows = np.lib.stride_tricks.sliding_window_view(padded, HISTORY)[: len(ids)]
    users = table["user_id"].to_numpy()
    place = table.groupby("user_id").cumcount().to_numpy()
    is_before = np.arange(HISTORY, 0, -1) <= place[:, None]
    return np.where(is_before, windows, b""), np.append(users[1:] != users[:-1], True)


def _make_lists(rows: Arrays, chosen: np.ndarray) -> dict[str, np.ndarray]:
    users = rows["user_id"][chosen]
    order = np.argsort(users, kind="stable")
    groups = np.split(chosen[order], np.flatnonzero(users[order][1:] != users[order][:-1]) + 1)
    whole = [group[: len(group) // LIST * LIST].reshape(-1, LIST) for group in groups]
    places = np.concatenate(whole)
    lists = {name: rows[name][places] for name in ("item_id", "rating")}
    return {**lists, "user_id": rows["user_id"][places[:, 0]]}


def _batches(columns: Arrays, size: int) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(dict(columns)).batch(size).cache()
