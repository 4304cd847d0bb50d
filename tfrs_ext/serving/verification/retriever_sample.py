"""Requests with known answers, taken from the table of users or of example queries."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.bundle.retriever_bundle import RetrieverBundle

# Columns beyond k, so that ties across the last place are recognised.
_MORE = 20


@dataclasses.dataclass(frozen=True)
class RetrieverSample:
    """Some queries, as requests and as what they are scored by.

    Attributes:
        inputs: The inputs of `serving_default`, Q rows.
        queries: `[Q, D]` embeddings by the model in this process, or whatever is scored, `[Q]`.
        seen: The positions of the items that are left out for each query.
        same: From the names of other signatures to inputs that have the same answers.
    """

    inputs: dict[str, npt.NDArray[Any]]
    queries: npt.NDArray[Any]
    seen: list[list[int]]
    same: dict[str, dict[str, npt.NDArray[Any]]] = dataclasses.field(default_factory=dict)


def sample_rows(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Returns up to `wanted` of `count` row numbers, the same ones at every call."""
    rows = np.random.default_rng(0).permutation(count)[:wanted]
    return np.asarray(rows, np.int64)


def take_sample(
    bundle: RetrieverBundle,
    columns: Mapping[str, tf.Tensor],
    embeddings: npt.NDArray[np.float32],
    rows: npt.NDArray[np.int64],
) -> RetrieverSample:
    """Returns rows of the table as a sample.

    Args:
        bundle: What will be asked.
        columns: The table, `{column: [U, ...]}`.
        embeddings: `[Q, D]`, of these rows.
        rows: `[Q]`, which rows of the table.
    """
    values = {name: tf.gather(column, rows).numpy() for name, column in columns.items()}
    users = bundle.users
    if users is None:
        return RetrieverSample(bundle.query.by_input(values), embeddings, [[]] * len(rows))
    ids = values[users.column]
    seen = users.seen(tf.gather(users.ids, rows))
    lists = [[]] * len(rows) if seen is None else [row[row >= 0].tolist() for row in seen.numpy()]
    context = users.example_context(len(rows))
    request = {name: tf.constant(part) for name, part in context.items()}
    read = users.features(tf.constant(ids), request)
    values |= {name: part.numpy() for name, part in read.items()}
    same = {
        **bundle.query.by_input(values),
        "k": np.int32(bundle.k),
        "exclusions": _ids_of(lists, bundle.items.ids.numpy()),
    }
    return RetrieverSample(
        {users.key: ids, **context}, embeddings, lists, {"recommend_by_features": same}
    )


def _ids_of(rows: list[list[int]], item_ids: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the ids of positions, each row padded to the longest."""
    width = max(map(len, rows), default=0)
    padding = -1 if item_ids.dtype.kind in "iu" else ""
    ids = np.full((len(rows), width), padding, item_ids.dtype)
    for row, positions in zip(ids, rows, strict=True):
        row[: len(positions)] = item_ids[positions]
    return ids


Score = Callable[[npt.NDArray[Any]], npt.ArrayLike]
"""From queries `[Q, D]`, or whatever they are, to the scores `[Q, C]` of all items."""


def expected_answers(
    sample: RetrieverSample, score: Score, item_ids: npt.NDArray[Any], k: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Returns the true ids and scores `[Q, k + some]` by plain sorting, padded as a bundle does."""
    columns = min(k + _MORE, len(item_ids))
    padding = -1 if item_ids.dtype.kind in "iu" else ""
    ids = np.full((len(sample.queries), columns), padding, item_ids.dtype)
    scores = np.full(ids.shape, np.finfo(np.float32).min, np.float32)
    for i, (query, seen) in enumerate(zip(sample.queries, sample.seen, strict=True)):
        true = np.array(score(query[None]))[0]
        true[seen] = -np.inf
        best = np.argpartition(-true, columns - 1)[:columns]
        best = best[np.argsort(-true[best], kind="stable")]
        best = best[np.isfinite(true[best])]
        ids[i, : len(best)], scores[i, : len(best)] = item_ids[best], true[best]
    return ids, scores
