"""Users at a moment: what the query tower sees, and what it should and should not find."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data.columns import on_host
from tfrs_ext.data.feature_set import FeatureSet, arrays_of
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.ragged import distinct_items
from tfrs_ext.data.taken import item_histories
from tfrs_ext.data.windows import Windows, windows_of_users


def user_states(
    frames: Frames, features: FeatureSet, *, history: Frames | None = None
) -> dict[str, npt.NDArray[Any]]:
    """The query tower's inputs for each row of the user table.

    Args:
        frames: The data whose user table is read.
        features: The columns with their facts, which `fit_features` made.
        history: The data whose interactions become the histories: all that is known at the moment
            of the query. `None` takes those of `frames`.

    Returns:
        `{column: array}`, each `[U]`, and `"history"` `[U, L]`; users without any interaction have
        a history of padding.
    """
    windows = windows_of_users(history or frames)
    columns = arrays_of(frames.users, features.of_users)
    users = tf.range(len(frames.users), dtype=tf.int64)
    return {**columns, **gather_histories(windows, users, frames, features)}


def gather_histories(
    windows: Windows, rows: tf.Tensor, frames: Frames, features: FeatureSet
) -> dict[str, npt.NDArray[Any]]:
    """Returns the histories of some windows as arrays `[B, L]`.

    Args:
        windows: The windows.
        rows: `[B]` integer numbers of windows.
        frames: The data whose item table says what side histories hold.
        features: The columns with their facts.
    """
    read = [feature for feature in features.candidate if feature.name in features.histories]
    items = {name: on_host(values) for name, values in arrays_of(frames.items, read).items()}
    found = windows.gather_all(rows, features, items)
    return {name: values.numpy() for name, values in found.items()}


def context_columns(frames: Frames, features: FeatureSet) -> dict[str, npt.NDArray[Any]]:
    """The context's columns for each interaction, which a model that ranks reads.

    Args:
        frames: The data whose interactions are read.
        features: The columns with their facts, which `fit_features` made.

    Returns:
        `{column: array}`, each `[N]`; examples for `serving.Users(context=…)`.
    """
    return arrays_of(frames.interactions, features.context)


def item_columns(frames: Frames, features: FeatureSet) -> dict[str, npt.NDArray[Any]]:
    """The candidate's columns for each row of the item table.

    Args:
        frames: The data whose item table is read.
        features: The columns with their facts, which `fit_features` made.

    Returns:
        `{column: array}`, each `[C]`. `candidates_dataset` gives the same in batches.
    """
    return arrays_of(frames.items, features.candidate)


@dataclasses.dataclass(frozen=True)
class EvaluationQueries:
    """Users with held-out rows, as they were when these rows were still to come.

    Args:
        queries: The query tower's inputs, `{column: [Q] array}` and `"history"` `[Q, L]`, and the
            context of the query's first held-out row.
        user_rows: `[Q]` int64 row numbers in the user table, ascending.
        positives: `[Q, (P)]` int64 ragged: row numbers in the item table of the held-out items,
            each once, ascending.
        seen: `[Q, (S)]` int64 ragged: row numbers of the items in the history, each once,
            ascending. Where users repeat items, a positive may be among them; leave those
            positives out if you exclude seen items from the ranking.
        histories: `[Q, (L)]` int64 ragged: row numbers of the items in the history, oldest first,
            as often as they are there; `baselines` rank by them.
        cold: `[Q]` bool: users without any history.
    """

    queries: dict[str, npt.NDArray[Any]]
    user_rows: npt.NDArray[np.int64]
    positives: tf.RaggedTensor
    seen: tf.RaggedTensor
    histories: tf.RaggedTensor
    cold: npt.NDArray[np.bool_]


def evaluation_queries(
    part: Frames, features: FeatureSet, *, history_from: Frames
) -> EvaluationQueries:
    """One query for each user with rows in a held-out part.

    Args:
        part: The held-out part.
        features: The columns with their facts, which `fit_features` made.
        history_from: What is known before the part: the training part where `part` is the
            validation part, `join(train, validation)` where it is the test part.

    Returns:
        The queries with what they should find; cold users included.

    Example:
        >>> from tfrs_ext.data import fit_features, leave_one_out, synthetic
        >>> split = leave_one_out(synthetic(50, 60, 6)[0])
        >>> features = fit_features(split.train)
        >>> found = evaluation_queries(split.validation, features, history_from=split.train)
        >>> found.positives.shape[0], found.queries["history"].shape
        (50, (50, 50))
    """
    users, first = np.unique(part.user_rows(), return_index=True)
    context = context_columns(part.select(first), features)
    states = user_states(part, features, history=history_from)
    seen = _items_of(users, history_from)
    return EvaluationQueries(
        queries={**{name: values[users] for name, values in states.items()}, **context},
        user_rows=users,
        positives=_items_of(users, part),
        seen=seen,
        histories=tf.gather(item_histories(history_from), users),
        cold=seen.row_lengths().numpy() == 0,
    )


def _items_of(users: npt.NDArray[np.int64], frames: Frames) -> tf.RaggedTensor:
    rows = frames.user_rows()
    wanted = np.isin(rows, users)
    queries = np.searchsorted(users, rows[wanted])
    return distinct_items(queries, frames.item_rows()[wanted], len(users), len(frames.items))
