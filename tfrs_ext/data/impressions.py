"""Items that were shown beside the one that was taken: a column of lists, and labelled rows."""

import dataclasses
import re
from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext.data.frames import Frames
from tfrs_ext.data.labels import with_labels

_BETWEEN = re.compile(r"[\s|,;\[\]]+")


def as_impressions(column: "pd.Series[Any]", ids: "pd.Series[Any]", where: str) -> "pd.Series[Any]":
    """Returns lists of item ids, of the type of the interactions' own.

    Args:
        column: Cells with lists of ids, or texts with ids between spaces, commas or bars; a
            missing cell is an empty list.
        ids: The interactions' item ids, as `as_ids` gave them.
        where: What an error calls the table.

    Raises:
        ValueError: An id isn't of the type of the item ids.
    """
    of_numbers = pd.api.types.is_numeric_dtype(ids)

    def read(cell: object) -> list[Any]:
        if isinstance(cell, str):
            cell = [part for part in _BETWEEN.split(cell) if part]
        if not isinstance(cell, (list, tuple, set, np.ndarray)):
            return []
        return [int(item) if of_numbers else str(item) for item in cell]

    try:
        return column.map(read).astype(object)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{where}[{column.name!r}] must hold lists of item ids, which are integers here, "
            f"received other ones ({error})."
        ) from error


def with_impressions(frames: Frames) -> Frames:
    """Returns the rows as positives, and before each of them the items that were shown beside it.

    An item that was shown and not taken is a negative of the same user, time and context. Items
    that the item table lacks are left out, and the item itself, too.

    Args:
        frames: What users took; the schema's `impressions` name the column with lists of ids.

    Returns:
        The rows with the column `"label"`.

    Raises:
        ValueError: The schema has no `impressions`, or nothing else was shown anywhere.

    Relations:
        `with_negatives` draws items that users never took, where nothing is known of what was
        shown. A log in which every shown item has a row of its own is read by `label_by_column`.

    Example:
        >>> from tfrs_ext.data import Schema, load_frames
        >>> log = pd.DataFrame({"user_id": [1, 1], "item_id": [5, 7], "shown": [[5, 7], []],
        ...                     "timestamp": [1, 2]})
        >>> rows = with_impressions(load_frames(log, schema=Schema(impressions="shown")))
        >>> rows.interactions[["item_id", "label"]].values.tolist()
        [[7.0, 0.0], [5.0, 1.0], [7.0, 1.0]]
    """
    schema = frames.schema
    if schema.impressions is None:
        raise ValueError(
            "`frames` must have a column with what was shown, received a schema without one: "
            "name it by `Schema(impressions=...)`, or draw negatives by `with_negatives`."
        )
    table = frames.interactions
    known = set(frames.items[schema.item_id])
    pairs = zip(table[schema.item_id], table[schema.impressions], strict=True)
    shown = [[i for i in dict.fromkeys(items) if i in known and i != own] for own, items in pairs]
    counts = np.array([len(items) for items in shown])
    if not counts.any():
        raise ValueError(
            f"{schema.impressions!r} must hold items beside the one that was taken, received none."
        )
    places = np.repeat(np.arange(len(table)), counts + 1)
    rows = table.iloc[places].reset_index(drop=True)
    is_positive = np.zeros(len(rows), bool)
    is_positive[np.cumsum(counts + 1) - 1] = True
    items = rows[schema.item_id].to_numpy(copy=True)
    items[~is_positive] = [item for row in shown for item in row]
    rows[schema.item_id] = items
    return with_labels(dataclasses.replace(frames, interactions=rows), is_positive)
