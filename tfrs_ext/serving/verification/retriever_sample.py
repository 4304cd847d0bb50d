"""Questions with known answers, taken from the table of users or of example queries."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.bundle.columns import signature_name
from tfrs_ext.serving.bundle.retriever_bundle import RetrieverBundle

# Columns beyond k, so that ties across the last place are recognised.
_MORE = 20


@dataclasses.dataclass(frozen=True)
class RetrieverSample:
    """Some queries, as requests and as embeddings.

    Attributes:
        inputs: Of `serving_default`, Q rows.
        features: Of `embed_user`, Q rows.
        embeddings: `[Q, D]`, by the model in this process.
        seen: Row numbers of seen items for each query, empty where none are excluded.
    """

    inputs: dict[str, npt.NDArray[Any]]
    features: dict[str, npt.NDArray[Any]]
    embeddings: npt.NDArray[np.float32]
    seen: list[list[int]]

    def head(self, rows: int) -> "RetrieverSample":
        """Returns the first rows."""
        return RetrieverSample(
            {name: values[:rows] for name, values in self.inputs.items()},
            {name: values[:rows] for name, values in self.features.items()},
            self.embeddings[:rows],
            self.seen[:rows],
        )


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
        embeddings: `[Q, D]`, of the rows.
        rows: `[Q]`.
    """
    values = {name: tf.gather(column, rows).numpy() for name, column in columns.items()}
    features = bundle.query.inputs(values)
    seen: list[list[int]] = [[]] * len(rows)
    users = bundle.users
    if users is None:
        return RetrieverSample(features, features, embeddings, seen)
    if bundle.exclude_seen and users.seen_rows is not None:
        seen = tf.gather(users.seen_rows, rows).to_list()
    return RetrieverSample(
        {signature_name(users.key): values[users.key]}, features, embeddings, seen
    )


def expected_answers(
    sample: RetrieverSample, candidates: npt.NDArray[np.float32], item_ids: npt.NDArray[Any], k: int
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32]]:
    """Returns the true ids and scores `[Q, k + some]` by plain sorting, padded as a bundle does."""
    columns = min(k + _MORE, len(candidates))
    padding = -1 if item_ids.dtype.kind in "iu" else ""
    ids = np.full((len(sample.embeddings), columns), padding, item_ids.dtype)
    scores = np.full(ids.shape, np.finfo(np.float32).min, np.float32)
    for i, (query, seen) in enumerate(zip(sample.embeddings, sample.seen, strict=True)):
        true = candidates @ query
        true[seen] = -np.inf
        best = np.argpartition(-true, columns - 1)[:columns]
        best = best[np.argsort(-true[best], kind="stable")]
        best = best[np.isfinite(true[best])]
        ids[i, : len(best)], scores[i, : len(best)] = item_ids[best], true[best]
    return ids, scores


def warmup_requests(
    bundle: RetrieverBundle, sample: RetrieverSample, items: Mapping[str, npt.NDArray[Any]]
) -> list[tuple[str, dict[str, Any]]]:
    """Returns requests for every signature, with one row and with several.

    Args:
        bundle: What will be asked.
        sample: Queries.
        items: Inputs of `embed_item`; empty where there is no such signature.
    """
    requests: list[tuple[str, dict[str, Any]]] = []
    ids = bundle.catalogue.ids.numpy()
    for rows in (1, 8):
        part = sample.head(rows)
        size = len(part.embeddings)
        more = {"k": np.int32(bundle.k), "exclusions": np.broadcast_to(ids[:1, None], (size, 1))}
        requests += [
            ("serving_default", part.inputs),
            ("recommend", {**part.inputs, **more}),
            ("embed_user", part.features),
            ("similar_items", {bundle.catalogue.key: ids[:rows]}),
        ]
        if bundle.catalogue.has_tags:
            more.update(dict.fromkeys(("allow", "deny"), np.full((size, 1), b"", object)))
            requests.append(("recommend_filtered", {**part.inputs, **more}))
        if items:
            requests.append(("embed_item", {name: v[:rows] for name, v in items.items()}))
    return requests
