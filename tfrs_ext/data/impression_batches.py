"""Batches of what users took, each beside what it was shown with and not taken."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext.data.columns import on_host
from tfrs_ext.data.feature_set import FeatureSet
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.pipelines import (
    columns_of_rows,
    gather_batches,
    gather_rows,
    row_numbers,
    table_columns,
)
from tfrs_ext.data.windows import windows_before_rows

SHOWN = "shown_"
Integers = npt.NDArray[np.int64]


def impressions_dataset(
    frames: Frames,
    features: FeatureSet,
    batch_size: int,
    num_shown: int = 4,
    *,
    history: Frames | None = None,
    shuffle: bool = True,
    seed: int = 0,
) -> tf.data.Dataset:
    """Batches of the positive rows, each with items that its user was shown and didn't take.

    Where the schema names `impressions`, these are the items of the row's own list. Elsewhere they
    are the user's rows without a positive label, but for items that the user took in another row.

    Args:
        frames: The rows, with a label: `label_by_column`, `with_impressions` and `with_negatives`
            make them.
        features: The columns with their facts, which `fit_features` made.
        batch_size: `B`.
        num_shown: `n`, the most items that stand beside a row, drawn where there are more.
        history: More rows to look back on; give the training part where `frames` is the
            validation part.
        shuffle: Whether each epoch has a fresh random order; else the order of the rows.
        seed: Equal seeds give equal items and equal epochs.

    Returns:
        Batches `{column: tensor}`: every feature of both sides `[B]`, `"history"` `[B, L]` of the
        positive rows before, and `"sample_weight"` `[B]` float32 where the schema has a weight. For
        each feature of items there is a column with `"shown_"` before its name, `[B, n]`; the id
        is -1 or `""` where fewer were shown. Rows beside which nothing was shown are left out.

    Raises:
        ValueError: The schema has no label, `batch_size` or `num_shown` is below 1, or nothing was
            shown beside any row.

    Relations:
        `negatives.Explicit(columns, item_id, shared=False)` reads these columns as negatives.
        `ranking_dataset` gives the rows one by one, for models that rank.

    Example:
        >>> from tfrs_ext.data import fit_features, synthetic, with_negatives
        >>> frames, _ = synthetic(50, 60, 6)
        >>> rows = with_negatives(frames, num_negatives=2)
        >>> batch = next(iter(impressions_dataset(rows, fit_features(frames), 32, num_shown=2)))
        >>> batch["item_id"].shape, batch["shown_item_id"].shape
        (TensorShape([32]), TensorShape([32, 2]))

    References:
        Xin et al.: Folding: Why Good Models Sometimes Make Spurious Recommendations, RecSys 2017.
    """
    label = frames.schema.label
    if label is None:
        raise ValueError(
            "`frames` must have a label, received a schema without one: see `label_by_column`, "
            "`with_impressions` and `with_negatives`."
        )
    if num_shown < 1:
        raise ValueError(f"`num_shown` must be at least 1, received {num_shown}.")
    taken = np.flatnonzero(frames.interactions[label] > 0)
    shown = _draw_shown(frames, taken, num_shown, np.random.default_rng(seed))
    kept = np.flatnonzero(shown[:, 0] >= 0)
    if not len(kept):
        raise ValueError(
            "`frames` must hold items that were shown beside those that were taken, received none."
        )
    places, rows = on_host(shown[kept]), on_host(taken[kept])
    items = table_columns(frames.items, features.candidate)
    windows = windows_before_rows(frames, history, positives_only=True)
    columns = columns_of_rows(frames, features, windows)
    item_id = frames.schema.item_id

    @tf.autograph.experimental.do_not_convert
    def batch(numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        found = columns(tf.gather(rows, numbers))
        del found[label]
        at = tf.gather(places, numbers)
        beside = gather_rows(items, tf.maximum(at, 0))
        ids = beside[item_id]
        padding = tf.constant("" if ids.dtype == tf.string else -1, ids.dtype)
        beside[item_id] = tf.where(at < 0, padding, ids)
        return found | {SHOWN + name: values for name, values in beside.items()}

    return gather_batches(row_numbers(len(kept), batch_size, shuffle, seed), batch)


def _draw_shown(
    frames: Frames, taken: Integers, num_shown: int, rng: np.random.Generator
) -> Integers:
    """Returns positions of items `[P, n]`, distinct in each row, and -1 behind the last."""
    width, items = len(frames.items), frames.item_rows()
    # A pool is what some rows draw from: a row's own list, or all that its user didn't take.
    # An item in a pool is one number, so that sets of them are sets of numbers.
    if frames.schema.impressions is None:
        pools = frames.user_rows()[taken]
        shown = frames.user_rows() * width + items
    else:
        pools = np.arange(len(taken))
        shown = _listed(frames, taken)
    left = rng.permutation(np.setdiff1d(shown, pools * width + items[taken]))
    left = left[np.argsort(left // width, kind="stable")]
    begins, ends = (np.searchsorted(left // width, pools, side) for side in ("left", "right"))
    sizes = (ends - begins)[:, np.newaxis]
    # A pool is in random order: neighbours in it, from a random place on, are a random draw.
    first = rng.integers(0, np.maximum(sizes, 1))
    turns = np.arange(num_shown)
    places = begins[:, np.newaxis] + (first + turns) % np.maximum(sizes, 1)
    left = np.append(left, -1)  # Something to gather from, where all pools are empty.
    return np.where(turns < sizes, left[np.minimum(places, len(left) - 1)] % width, -1)


def _listed(frames: Frames, taken: Integers) -> Integers:
    """Returns the items of each positive row's list, as numbers of the row and the item."""
    schema, width = frames.schema, len(frames.items)
    lists: list[Any] = frames.interactions[schema.impressions].iloc[taken].tolist()
    rows = np.repeat(np.arange(len(taken)), [len(items) for items in lists])
    places = pd.Series(np.arange(width), index=frames.items[schema.item_id])
    found = places.reindex([item for items in lists for item in items]).fillna(-1).to_numpy()
    return (rows * width + found)[found >= 0].astype(np.int64)
