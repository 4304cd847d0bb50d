"""What a retriever shows, as labelled pairs for the ranker behind it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data.columns import on_host
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.pipelines import gather_batches, row_numbers
from tfrs_ext.data.queries import EvaluationQueries

_ALREADY = 2.0  # Behind all random numbers.


@dataclasses.dataclass(frozen=True, eq=False)
class ShownPairs:
    """Pairs of a query and an item that it was shown, and whether the user took it.

    Args:
        queries: `[N]` int64, the numbers of queries.
        items: `[N]` int64, positions of items.
        labels: `[N]` float32, 1 for what the user took and 0 for what not.
        places: `[N]` int64, where in the list of its query each item stands.
    """

    queries: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float32]
    places: npt.NDArray[np.int64]


def draw_shown_pairs(
    asked: EvaluationQueries,
    shown: npt.NDArray[np.integer[Any]],
    num_negatives: int = 4,
    *,
    known: Frames | None = None,
    whole: bool = False,
    seed: int = 0,
) -> ShownPairs:
    """Returns, of each query that was shown what the user took, that item and some others shown.

    A ranker that learns from them sees what it will see in use: items that the retriever finds
    plausible. A query whose item wasn't shown is left out, as no order of the list could help it;
    kept, such items would teach the ranker to prefer what the retriever doesn't bring.

    Args:
        asked: The queries, one positive each, as `next_item_queries` gives.
        shown: `[Q, M]` positions of the items that each was shown, negative where there is none.
        num_negatives: How many other items of each list are drawn, fewer where it is short.
        known: All that users took at any time: no negative is among it. None looks at the query's
            own positive alone.
        whole: Whether queries that were shown too few others are left out, so that each query has
            `1 + num_negatives` pairs, as losses of lists need.
        seed: Equal seeds give equal pairs.

    Returns:
        The pairs, query by query, the positive first.

    Raises:
        ValueError: If shapes don't fit, or no query was shown its positive, with enough others
            where these are to be `whole`.

    Relations:
        `with_negatives` draws from all items, for a ranker that is told what to rank.
    """
    positives = asked.positives.to_tensor(-1)[:, 0].numpy()
    if shown.ndim != 2 or len(shown) != len(positives):
        raise ValueError(
            f"`shown` must be [Q, M] with a row for each of the {len(positives)} queries, received "
            f"shape {shown.shape}."
        )
    if num_negatives < 1:
        raise ValueError(f"`num_negatives` must be at least 1, received {num_negatives}.")
    is_positive = shown == positives[:, np.newaxis]
    kept = np.flatnonzero(is_positive.any(axis=1))
    if not len(kept):
        raise ValueError("`shown` must hold some of the queries' positives, received none.")
    keys = np.random.default_rng(seed).random((len(kept), shown.shape[1]))
    keys[is_positive[kept] | (shown[kept] < 0) | _is_taken(asked, shown, known)[kept]] = _ALREADY
    order = np.argsort(keys, axis=1, kind="stable")[:, :num_negatives]
    is_drawn = np.take_along_axis(keys, order, 1) < _ALREADY
    if whole:
        enough = is_drawn.sum(axis=1) == num_negatives
        kept, order, is_drawn = kept[enough], order[enough], is_drawn[enough]
        if not len(kept):
            raise ValueError(
                f"`shown` must hold {num_negatives} items that the user didn't take beside some "
                "query's positive, received none: ask for fewer by `num_negatives`."
            )
    own = is_positive[kept].argmax(axis=1)[:, np.newaxis]
    is_pair = np.concatenate([np.ones((len(kept), 1), bool), is_drawn], axis=1)
    places = np.concatenate([own, order], axis=1)
    labels = np.zeros(places.shape, np.float32)
    labels[:, 0] = 1.0
    queries, places = np.broadcast_to(kept[:, np.newaxis], places.shape)[is_pair], places[is_pair]
    items = shown[queries, places].astype(np.int64)
    return ShownPairs(queries, items, labels[is_pair], places)


def _is_taken(
    asked: EvaluationQueries, shown: npt.NDArray[np.integer[Any]], known: Frames | None
) -> npt.NDArray[np.bool_]:
    if known is None or not len(known.interactions):
        return np.zeros(shown.shape, bool)
    width = len(known.items)
    taken = np.unique(known.user_rows() * width + known.item_rows())
    pairs = asked.user_rows[:, np.newaxis] * width + shown
    places = np.minimum(np.searchsorted(taken, pairs), len(taken) - 1)
    return np.asarray(taken[places] == pairs)


def shown_dataset(
    asked: EvaluationQueries,
    pairs: ShownPairs,
    items: Mapping[str, npt.NDArray[Any]],
    batch_size: int,
    *,
    more: Mapping[str, npt.NDArray[Any]] | None = None,
    list_size: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of pairs, as `model.fit` of a model that ranks takes them.

    Args:
        asked: The queries.
        pairs: What they were shown, as `draw_shown_pairs` gives.
        items: `{column: [C, ...]}`, as `item_columns` gives.
        batch_size: `B`; with lists, the largest multiple of their size up to it, or one list.
        more: `{column: [N]}` of the pairs themselves, such as the retriever's score.
        list_size: The number of pairs of each query, where they stay together in this order; None
            for pairs that are shuffled one by one.
        shuffle: Whether each epoch has a fresh random order; else the order of the pairs.
        seed: Equal seeds give equal epochs.

    Returns:
        Batches `(columns, label)`: the columns of both sides `[B, ...]`, and labels `[B]` float32.

    Raises:
        ValueError: If `batch_size` is below 1, or the queries have other numbers of pairs.

    Relations:
        `ranking_dataset` gives the same of labelled rows.
    """
    users = {name: on_host(values) for name, values in asked.queries.items()}
    things = {name: on_host(values) for name, values in items.items()}
    of_pairs = {name: on_host(values) for name, values in (more or {}).items()}
    of_query, of_item = on_host(pairs.queries), on_host(pairs.items)
    labels = on_host(pairs.labels)

    @tf.autograph.experimental.do_not_convert
    def batch(rows: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        queries, positions = tf.gather(of_query, rows), tf.gather(of_item, rows)
        columns = {name: tf.gather(values, queries) for name, values in users.items()}
        columns |= {name: tf.gather(values, positions) for name, values in things.items()}
        columns |= {name: tf.gather(values, rows) for name, values in of_pairs.items()}
        return columns, tf.gather(labels, rows)

    if list_size is None:
        return gather_batches(row_numbers(len(pairs.labels), batch_size, shuffle, seed), batch)
    _check_lists(pairs, list_size)
    lists = len(pairs.labels) // list_size
    numbers = row_numbers(lists, max(1, batch_size // list_size), shuffle, seed)
    places = tf.range(list_size, dtype=tf.int64)
    return gather_batches(
        numbers, lambda chosen: batch(tf.reshape(chosen[:, None] * list_size + places, [-1]))
    )


def _check_lists(pairs: ShownPairs, list_size: int) -> None:
    sizes = np.unique(pairs.queries, return_counts=True)[1]
    if list_size < 1 or (sizes != list_size).any():
        raise ValueError(
            "`list_size` must be the number of pairs of each query, which `draw_shown_pairs` with "
            f"`whole` makes equal; received {list_size=} for lists of {np.unique(sizes)[:5]}."
        )
