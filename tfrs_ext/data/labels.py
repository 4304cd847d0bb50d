"""Labelled rows for models that rank: from a column, or by drawing items that weren't taken."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pandas as pd

from tfrs_ext.data.frames import Frames

LABEL = "label"


def with_labels(frames: Frames, labels: npt.ArrayLike) -> Frames:
    """Returns the frames with a label for each row, in the column `"label"`.

    Args:
        frames: The rows, of whatever schema.
        labels: `[N]` numbers from 0 to 1, such as `frames.interactions["rating"] >= 4`.

    Raises:
        ValueError: If there is another number of labels than of rows, or one lies outside [0, 1].

    Example:
        >>> from tfrs_ext.data import synthetic
        >>> frames, _ = synthetic(50, 60, 6)
        >>> liked = with_labels(frames, frames.interactions["item_id"] % 2 == 0)
        >>> sorted(liked.interactions["label"].unique().tolist())
        [0.0, 1.0]
    """
    values = np.asarray(labels, np.float32)
    rows = len(frames.interactions)
    if values.shape != (rows,):
        raise ValueError(f"`labels` must have {rows:,} values, received shape {values.shape}.")
    if not np.all((values >= 0) & (values <= 1)):
        wrong = values[~((values >= 0) & (values <= 1))][0]
        raise ValueError(f"`labels` must lie from 0 to 1, received {wrong}.")
    return dataclasses.replace(
        frames,
        interactions=frames.interactions.assign(**{LABEL: values}),
        schema=dataclasses.replace(frames.schema, label=LABEL),
    )


def with_negatives(
    frames: Frames, num_negatives: int = 1, *, known: Frames | None = None, seed: int = 0
) -> Frames:
    """Returns the rows as positives, and before each of them rows of items that weren't taken.

    A negative has its positive's user, time and context, so that both are seen with the same
    history. Its item is drawn evenly from the items that occur in `known` and that the user never
    took there.

    Args:
        frames: What users took.
        num_negatives: The number of negatives for each row.
        known: All that users took at any time; `frames` by default. Give it the whole data, so
            that what a user takes later is no negative now.
        seed: Equal seeds give equal negatives.

    Returns:
        `num_negatives + 1` times as many rows, with the column `"label"`.

    Raises:
        ValueError: If `num_negatives` is below 1, or a user took all items.

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
    """
    if num_negatives < 1:
        raise ValueError(f"`num_negatives` must be at least 1, received {num_negatives}.")
    drawn = _untaken(np.repeat(frames.user_rows(), num_negatives), known or frames, seed)
    schema = frames.schema
    names = (schema.user_id, schema.item_id, schema.timestamp, schema.weight, schema.event)
    context = schema.context_features
    positives = frames.interactions[[*(name for name in names if name), *context]]
    places = np.repeat(np.arange(len(positives)), num_negatives + 1)
    rows = positives.iloc[places].reset_index(drop=True)
    is_positive = np.arange(len(rows)) % (num_negatives + 1) == num_negatives
    items = rows[schema.item_id].to_numpy(copy=True)
    items[~is_positive] = frames.items[schema.item_id].to_numpy()[drawn]
    rows[schema.item_id] = items
    return with_labels(dataclasses.replace(frames, interactions=rows), is_positive)


def _untaken(users: npt.NDArray[np.int64], known: Frames, seed: int) -> npt.NDArray[np.int64]:
    pairs = np.unique(known.user_rows() * len(known.items) + known.item_rows())
    items = np.unique(known.item_rows())
    taken = pd.Series(pairs // len(known.items)).value_counts()
    if taken.max() >= len(items):
        raise ValueError(
            "`known` must leave items that a user didn't take, received one who took all "
            f"{len(items):,}."
        )
    rng = np.random.default_rng(seed)
    drawn = np.empty_like(users)
    left = np.arange(len(users))
    while len(left):
        drawn[left] = rng.choice(items, len(left))
        left = left[_is_in(pairs, users[left] * len(known.items) + drawn[left])]
    return drawn


def _is_in(ordered: npt.NDArray[np.int64], values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[places] == values)
