"""Labels from a column of stars, clicks or events."""

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext.data.frames import Frames
from tfrs_ext.data.labels import with_labels


def label_by_column(
    frames: Frames,
    column: str,
    positive_from: float | None = None,
    positive_values: Collection[str] = (),
) -> Frames:
    """Returns the frames with a label for each row, read from a column of the interactions.

    Rows whose cell is missing are left out: that nobody said something is no dislike.

    Args:
        frames: The rows.
        column: The column: stars, clicks, names of events.
        positive_from: The least number that is a positive. None takes the numbers as they are,
            which must lie from 0 to 1 then.
        positive_values: The values that are positives, where the column holds names of events,
            such as `("buy", "cart")`; all others are negatives.

    Returns:
        The frames with the column `"label"`; a note says how many rows were left out.

    Raises:
        ValueError: There is no such column, a value can't be read as a label, or all rows would be
            of one class.

    Relations:
        `with_labels` takes labels that were computed elsewhere, `with_negatives` draws negatives.

    Example:
        >>> from tfrs_ext.data import load_frames
        >>> columns = {"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [1, 2, 3]}
        >>> log = pd.DataFrame({**columns, "stars": [5, None, 2]})
        >>> labelled = label_by_column(load_frames(log), "stars", positive_from=4)
        >>> labelled.interactions["label"].tolist()
        [1.0, 0.0]
    """
    table = frames.interactions
    if column not in table:
        raise ValueError(
            f"`column` must be a column of the interactions, received {column!r}; they have "
            f"{list(table.columns)}."
        )
    known = np.flatnonzero(table[column].notna())
    if len(known) < len(table):
        note = (
            f"Left out {len(table) - len(known):,} of {len(table):,} interactions without a "
            f"{column!r}."
        )
        frames = dataclasses.replace(frames.select(known), notes=(*frames.notes, note))
    values = frames.interactions[column]
    if positive_values:
        labels = _by_name(values, positive_values)
    else:
        labels = _by_number(values, positive_from)
    if len(np.unique(labels > 0.5)) < 2:
        kind = "positives" if len(labels) and labels[0] > 0.5 else "negatives"
        raise ValueError(
            f"{column!r} must give positives and negatives, received {kind} alone: its values are "
            f"{_describe(values)}. Choose another `positive_from`, or another column."
        )
    return with_labels(frames, labels)


def _by_name(values: "pd.Series[Any]", positives: Collection[str]) -> Any:
    names = values.astype(str)
    unknown = set(positives) - set(names)
    if unknown:
        raise ValueError(
            f"`positive_values` must be values of {values.name!r}, received {sorted(unknown)}; it "
            f"holds {_describe(values)}."
        )
    return names.isin(list(positives)).to_numpy(np.float32)


def _by_number(values: "pd.Series[Any]", positive_from: float | None) -> Any:
    try:
        numbers = pd.to_numeric(values.astype(object)).to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{values.name!r} must hold numbers, received {_describe(values)}. Say with "
            "`positive_values` which of them are positives."
        ) from error
    if positive_from is not None:
        return (numbers >= positive_from).astype(np.float32)
    if np.any((numbers < 0) | (numbers > 1)):
        raise ValueError(
            f"{values.name!r} must lie from 0 to 1, received {numbers.min():g} to "
            f"{numbers.max():g}. Say with `positive_from` what is a positive, such as "
            f"`positive_from={np.median(numbers):g}`."
        )
    return numbers.astype(np.float32)


def _describe(values: "pd.Series[Any]") -> str:
    found = values.unique().tolist()
    shown = ", ".join(repr(value) for value in found[:5])
    return shown if len(found) <= 5 else f"{shown} and {len(found) - 5:,} more"


def keep_positives(frames: Frames) -> Frames:
    """Returns the frames with the rows whose label is positive; with all where there is no label.

    Args:
        frames: The rows.

    Relations:
        `user_states(history=…)` and `seen_items` take what users took or liked.

    Example:
        >>> from tfrs_ext.data import load_frames
        >>> log = pd.DataFrame({"user_id": [1, 1], "item_id": [5, 7], "timestamp": [1, 2]})
        >>> frames = with_labels(load_frames(log), [0, 1])
        >>> keep_positives(frames).interactions["item_id"].tolist()
        [7]
    """
    label = frames.schema.label
    if label is None:
        return frames
    return frames.select(np.flatnonzero(frames.interactions[label] > 0))
