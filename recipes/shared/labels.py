"""Labels of rows: from a column, from lists of what was shown, or drawn."""

import functools
from collections.abc import Collection
from typing import Annotated

import pandas as pd
from typer import Option

from tfrs_ext import data

from .console import console
from .source import DataSource

PositiveFrom = Annotated[
    float | None, Option(help="The least label that is a positive; of stars, 4.")
]
PositiveValues = Annotated[
    list[str] | None, Option(help="An event that is a positive; repeatable.")
]
_COLUMNS = ("label_ge4", "rating")  # Labels where none is named.
_LIKED = 4  # Of five stars.


def load_labelled(
    source: DataSource, positive_from: float | None, positive_values: Collection[str]
) -> data.Frames:
    """Returns all data, with labels where a column holds them, and says which.

    Args:
        source: Where the data come from.
        positive_from: The least number that is a positive, or None.
        positive_values: The names of events that are positives.
    """
    frames = source.load()
    guesses = (name for name in _COLUMNS if name in frames.interactions)
    event = source.event if positive_values else None
    column = source.label or event or next(guesses, None)
    if column is None or frames.schema.impressions is not None:
        return frames
    limit, values = positive_from, frames.interactions[column].dropna()
    if column == "rating" and limit is None and pd.api.types.is_numeric_dtype(values):
        limit = _LIKED if values.between(0.5, 5).all() and not positive_values else None
    frames = data.label_by_column(frames, column, limit, positive_values)
    labels = frames.interactions[frames.schema.label]
    rule = "" if limit is None else f" from {limit:g}"
    console.print(
        f"labels: {column}{rule}, {labels.mean():.1%} of {len(labels):,} rows are positive"
    )
    return frames


def split_labelled(
    source: DataSource, frames: data.Frames, seed: int, num_negatives: int = 1
) -> data.Split:
    """Returns the parts with labels; without a column, what was shown or never taken is negative.

    Args:
        source: Says how to split.
        frames: All data, as `load_labelled` gives them.
        seed: Of the items that are drawn.
        num_negatives: How many are drawn for each row, where nothing is known of what was shown.
    """
    split = source.split_frames(frames)
    if frames.schema.label is not None:
        return split
    label = functools.partial(
        data.with_negatives, num_negatives=num_negatives, known=frames, seed=seed
    )
    if frames.schema.impressions is not None:
        label = data.with_impressions
    return data.Split(*map(label, (split.train, split.validation, split.test)))
