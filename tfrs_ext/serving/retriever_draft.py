"""A retriever on its way to a version: its bundle, and what the check compares with."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes import Index
from tfrs_ext.serving.bundle.columns import as_columns, as_tensor
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.retriever_bundle import RetrieverBundle
from tfrs_ext.serving.bundle.tower_reader import TowerReader
from tfrs_ext.serving.checks import check_columns
from tfrs_ext.serving.items import Items
from tfrs_ext.serving.publishing.manifest import ModelCard
from tfrs_ext.serving.publishing.publisher import publish_bundle
from tfrs_ext.serving.users import Users
from tfrs_ext.serving.verification.comparison import verify
from tfrs_ext.serving.verification.retriever_sample import (
    RetrieverSample,
    expected_answers,
    sample_rows,
    take_sample,
)
from tfrs_ext.typing import Columns, PathLike, TensorLike

_CHECKED, _TUNED_ON = 64, 448

BuildIndex = Callable[[tf.Tensor, tf.Tensor, npt.NDArray[np.float32]], Index]
"""From candidates `[C, D]`, ids `[C]` and queries `[Q, D]` to tune with, to an index."""


@dataclasses.dataclass(frozen=True, eq=False)
class RetrieverDraft:
    """What is published, where it answers rightly in a fresh process.

    Args:
        bundle: The module that is saved.
        candidates: `[C, D]`, the items' embeddings.
        sample: Requests, and what they are made of.
        k: The number of items in an answer, of which a small catalogue has fewer.
    """

    bundle: RetrieverBundle
    candidates: npt.NDArray[np.float32]
    sample: RetrieverSample
    k: int

    def publish(
        self,
        base: PathLike,
        min_recall: float,
        model_name: str | None,
        facts: Mapping[str, Any] | None,
        model_card: ModelCard | None,
    ) -> pathlib.Path:
        """Writes, checks and publishes a version; see `export` for the arguments."""

        def check(folder: pathlib.Path) -> dict[str, Any]:
            return self._check(folder, min_recall)

        return publish_bundle(
            base, self.bundle, self._manifest(), check, model_name, facts, model_card
        )

    def _check(self, folder: pathlib.Path, min_recall: float) -> dict[str, Any]:
        bundle = self.bundle
        vectors = tf.convert_to_tensor(self.candidates)
        ids, scores = expected_answers(
            self.sample,
            lambda queries: bundle.index.scores(queries, vectors),
            bundle.items.ids.numpy(),
            bundle.k,
        )
        result = verify(
            folder,
            self.sample.inputs,
            ids,
            scores if bundle.index.has_exact_scores else None,
            item_id=bundle.items.key,
            score=bundle.items.score,
            same=self.sample.same,
            min_recall=1.0 if bundle.index.is_exact() else min_recall,
        )
        index = {**_describe_index(bundle.index), "recall": result.recall}
        return {"index": index, "verified_on": result.queries}

    def _manifest(self) -> dict[str, Any]:
        bundle = self.bundle
        return {
            "kind": "retriever",
            "k": self.k,
            "user_id": None if bundle.users is None else bundle.users.key,
            "item_id": bundle.items.key,
            "excludes_seen": bundle.excludes_seen,
            "context": [] if bundle.users is None else [i.spec.name for i in bundle.users.context],
            "items": bundle.items.count,
            "users": None if bundle.users is None else bundle.users.count,
            "index": _describe_index(bundle.index),
        }


def draft_retriever(
    query_model: keras.Model,
    candidates: keras.Model | TensorLike,
    items: Items,
    users: Users | None,
    queries: Columns | None,
    k: int,
    build_index: BuildIndex,
) -> RetrieverDraft:
    """Returns what `export` publishes; see there for the arguments.

    Args:
        query_model: The query tower.
        candidates: The embeddings, or the item tower.
        items: The items.
        users: The known users, or None.
        queries: Example rows, or None.
        k: The number of items in an answer.
        build_index: Makes the index.
    """
    if (users is None) == (queries is None):
        raise ValueError("Either `users` or `queries` must be given, received both or neither.")
    if not isinstance(items, Items) or not isinstance(users, (Users, type(None))):
        raise ValueError(
            "`items` must be `serving.Items(columns)` and `users` `serving.Users(columns)` or "
            f"None, received {type(items).__name__} and {type(users).__name__}."
        )
    if k < 1:
        raise ValueError(f"`k` must be a positive integer, received k={k}.")
    argument = "queries" if users is None else "users"
    raw = check_columns(argument, queries if users is None else users.columns)
    columns, item_columns = as_columns(raw, argument), as_columns(items.columns, "items")
    examples = as_columns(users.context, "users.context") if users and users.context else {}
    query = TowerReader(query_model, {**examples, **columns}, argument)
    table = KnownItems(items, item_columns[items.item_id])
    item, vectors = _embed_items(candidates, item_columns)
    known = None
    if users is not None:
        known = KnownUsers(users, query.names, query_model, table.positions)
    rows = sample_rows(len(next(iter(columns.values()))), _CHECKED + _TUNED_ON)
    if known is None:
        sampled = {name: tf.gather(columns[name], rows) for name in query.names}
    else:
        context = known.example_context(len(rows)).items()
        request = {name: tf.constant(part) for name, part in context}
        sampled = known.features(tf.gather(known.ids, rows), request)
    embedded = query(sampled).numpy()
    # Tuned and checked on different queries, where there are enough of them.
    held_out = embedded[_CHECKED:] if len(embedded) > 2 * _CHECKED else embedded
    index = build_index(vectors, table.ids.read_value(), held_out)
    bundle = RetrieverBundle(query, item, index, known, table, k)
    sample = take_sample(bundle, columns, embedded[:_CHECKED], rows[:_CHECKED])
    return RetrieverDraft(bundle, vectors.numpy(), sample, k)


def _embed_items(
    candidates: keras.Model | TensorLike, columns: Mapping[str, tf.Tensor]
) -> tuple[TowerReader | None, tf.Tensor]:
    if isinstance(candidates, keras.Model):
        item = TowerReader(candidates, columns, "items")
        return item, tf.constant(item.embed_in_batches(columns))
    vectors, count = as_tensor("candidates", candidates), len(next(iter(columns.values())))
    if vectors.shape.rank != 2 or vectors.shape[0] != count:
        raise ValueError(
            f"`candidates` must be embeddings [C, D] of the {count} items, in their order, or "
            f"the model that makes them, received shape={vectors.shape}."
        )
    return None, vectors


def _describe_index(index: Index) -> dict[str, Any]:
    facts = {"kind": index.kind, "exact": index.is_exact(), **index.settings()}
    return {**facts, "frontier": index.frontier} if index.frontier else facts
