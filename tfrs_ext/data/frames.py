"""Interactions, users and items, checked and in order of time."""

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from tfrs_ext.data.schema import Schema


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Frames:
    """Three tables and what their columns mean, as `load_frames` returns them.

    Args:
        interactions: One row for each event; every user and item has its row in the tables.
        users: One row for each user.
        items: One row for each item: the catalogue, in the order in which candidates are numbered.
        schema: The columns' names.
        notes: What was left out or filled in while loading, one sentence each.
    """

    interactions: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    schema: Schema
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Frames({len(self.interactions):,} interactions, {len(self.users):,} users, "
            f"{len(self.items):,} items)"
        )

    def user_rows(self) -> npt.NDArray[np.int64]:
        """Returns each interaction's row number in the user table."""
        return _rows(self.users, self.interactions, self.schema.user_id)

    def item_rows(self) -> npt.NDArray[np.int64]:
        """Returns each interaction's row number in the item table."""
        return _rows(self.items, self.interactions, self.schema.item_id)

    def times(self) -> npt.NDArray[np.int64]:
        """Returns the interactions' times; zeros where the order of rows is all that is known."""
        if self.schema.timestamp is None:
            return np.zeros(len(self.interactions), np.int64)
        return self.interactions[self.schema.timestamp].to_numpy(np.int64)

    def select(self, rows: npt.NDArray[np.integer[Any]]) -> "Frames":
        """Returns the same tables with some of the interactions, in the order of `rows`."""
        interactions = self.interactions.iloc[rows].reset_index(drop=True)
        return dataclasses.replace(self, interactions=interactions)

    def fingerprint(self) -> str:
        """Returns a SHA-256 over the schema and all cells, by which changed data are recognised.

        Example:
            >>> from tfrs_ext.data import synthetic
            >>> one, other = (synthetic(50, 60, 6, seed=seed)[0] for seed in (1, 2))
            >>> one.fingerprint() == one.fingerprint(), one.fingerprint() == other.fingerprint()
            (True, False)
        """
        digest = hashlib.sha256(json.dumps(self.schema.get_config(), sort_keys=True).encode())
        for table in (self.interactions, self.users, self.items):
            for name in table.columns:
                digest.update(f"{name}\0{len(table)}\0".encode())
                digest.update(_hash_column(table[name]).tobytes())
        return digest.hexdigest()


def join(first: Frames, *others: Frames) -> Frames:
    """Puts the interactions of several parts of one data set together.

    Args:
        first: A part; its tables are kept.
        *others: Parts that share its tables.

    Returns:
        All interactions, in order of time; of equal times, earlier arguments come first.
    """
    parts = (first, *others)
    whole = dataclasses.replace(
        first, interactions=pd.concat([part.interactions for part in parts], ignore_index=True)
    )
    return whole.select(np.argsort(whole.times(), kind="stable"))


def _hash_column(column: "pd.Series[Any]") -> npt.NDArray[np.uint64]:
    try:
        return pd.util.hash_pandas_object(column, index=False).to_numpy()
    except TypeError:  # Lists can't be hashed.
        return pd.util.hash_pandas_object(column.map(repr), index=False).to_numpy()


def _rows(table: pd.DataFrame, interactions: pd.DataFrame, column: str) -> npt.NDArray[np.int64]:
    rows = pd.Index(table[column]).get_indexer(pd.Index(interactions[column]))
    if (rows < 0).any():
        missing = interactions[column].to_numpy()[rows < 0][0]
        raise ValueError(
            f"Every {column!r} of the interactions must be in its table, received {missing!r}. "
            "Build the frames with `load_frames`, which checks this."
        )
    return rows.astype(np.int64)
