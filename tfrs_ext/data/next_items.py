"""Held-out rows one by one: the user just before each, and the one item to find."""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data.feature_set import FeatureSet, arrays_of
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.queries import EvaluationQueries, context_columns, gather_histories
from tfrs_ext.data.ragged import distinct_items
from tfrs_ext.data.windows import Timeline, windows_before_rows


def next_item_queries(
    part: Frames,
    features: FeatureSet,
    *,
    history_from: Frames,
    max_queries: int | None = None,
    seed: int = 0,
) -> EvaluationQueries:
    """One query for each held-out row: the user as just before it, and its item as the positive.

    This is how a recommender is used that knows what the user did a moment ago. Nothing at or
    after the row is in the query, but earlier rows of the same part are.

    Args:
        part: The held-out part.
        features: The columns with their facts, which `fit_features` made.
        history_from: What is known before the part: the training part where `part` is the
            validation part, `join(train, validation)` where it is the test part.
        max_queries: At most so many rows, drawn without replacement; None for all.
        seed: Equal seeds give equal draws.

    Returns:
        The queries in the order of the rows. A row's item is not among its seen items, even where
        the user took it before.

    Raises:
        ValueError: If `max_queries` is below 1.

    Relations: `evaluation_queries` asks once per user, for all that the part holds.
    """
    if max_queries is not None and max_queries < 1:
        raise ValueError(f"`max_queries` must be at least 1, received {max_queries}.")
    rows = np.arange(len(part.interactions))
    if max_queries is not None and max_queries < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_queries, replace=False))
    users, items = part.user_rows()[rows], part.item_rows()[rows]
    states = arrays_of(part.users, features.of_users)
    queries = {name: values[users] for name, values in states.items()}
    windows = windows_before_rows(part, history_from)
    queries |= gather_histories(windows, tf.constant(rows), part, features)
    queries |= context_columns(part.select(rows), features)
    histories = _histories(part, history_from, rows)
    return EvaluationQueries(
        queries=queries,
        user_rows=users,
        positives=tf.RaggedTensor.from_uniform_row_length(items, 1),
        seen=_without_own(histories, items, len(part.items)),
        histories=histories,
        cold=histories.row_lengths().numpy() == 0,
    )


def _histories(part: Frames, history_from: Frames, rows: npt.NDArray[np.int64]) -> tf.RaggedTensor:
    """Returns the items before each row, oldest first, `[Q, (L)]`."""
    parts = [history_from, part]
    timeline = Timeline.of(parts)
    all_items = np.concatenate([frames.item_rows() for frames in parts])[timeline.order]
    held_out = len(history_from.interactions) + rows
    starts, ends = timeline.begins[held_out], timeline.places[held_out]
    counts = ends - starts
    offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return tf.RaggedTensor.from_row_lengths(all_items[np.repeat(starts, counts) + offset], counts)


def _without_own(
    histories: tf.RaggedTensor, items: npt.NDArray[np.int64], num_items: int
) -> tf.RaggedTensor:
    """Returns the items of each history, each once, but the one that is asked for."""
    queries, before = histories.value_rowids().numpy(), histories.values.numpy()
    other = before != items[queries]
    return distinct_items(queries[other], before[other], len(items), num_items)
