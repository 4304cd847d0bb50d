"""One call from a trained model to a version that a server can load."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.indexes import Index, build_index, index_class
from tfrs_ext.serving.bundle.columns import as_columns, signature_name
from tfrs_ext.serving.bundle.item_table import ItemTable
from tfrs_ext.serving.bundle.item_tags import ItemTags
from tfrs_ext.serving.bundle.retriever_bundle import RetrieverBundle
from tfrs_ext.serving.bundle.tower_reader import TowerReader
from tfrs_ext.serving.bundle.user_table import UserTable, ragged_rows, unknown_user
from tfrs_ext.serving.publishing.publisher import ModelCard, publish_bundle
from tfrs_ext.serving.verification.comparison import verify
from tfrs_ext.serving.verification.retriever_sample import (
    RetrieverSample,
    expected_answers,
    sample_rows,
    take_sample,
    warmup_requests,
)

_CHECKED, _TUNED_ON = 64, 448
_IDS, _VECTORS = "item_ids", "candidates"


def export(
    base: str | os.PathLike[str],
    query_model: Any,
    candidates: Any,
    item_ids: Any,
    *,
    users: Mapping[str, Any] | None = None,
    queries: Mapping[str, Any] | None = None,
    item_fields: Mapping[str, Any] | None = None,
    item_tags: Sequence[Sequence[str]] | None = None,
    item_model: Any = None,
    items: Mapping[str, Any] | None = None,
    seen: Any = None,
    exclude_seen: bool = True,
    unknown: Mapping[str, Any] | None = None,
    user_key: str = "user_id",
    item_key: str = "item_id",
    k: int = 100,
    index: str | Index = "auto",
    min_recall: float = 0.9,
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Writes, checks and publishes a new version of a retriever in `base`.

    The version appears under its number at once and whole, after a fresh process without this
    package has loaded it and answered as the model does here. Its signatures:

    - `serving_default`: user ids `[B]` (without `users`: the query features) to item ids, `score`
      and item fields, each `[B, k]`.
    - `recommend`: the same with `k`, an int32 scalar, and `exclusions`, item ids `[B, E]`, to
      the same with min(k, C) columns.
    - `recommend_filtered`, with `item_tags`: as `recommend`, with tags `[B, A]` to `allow` and to
      `deny`: items that bear one of the allowed tags (any item, where a row holds `""` alone) and
      none of the denied. As exact as the index: it searches on until k are left, through the
      whole corpus where few pass.
    - `embed_user`: the query features to `embedding` `[B, D]`.
    - `embed_item`, with `item_model`: the item features to `embedding` `[B, D]`.
    - `similar_items`: item ids `[B]` to the same as `serving_default`, without the item itself.

    Every input and output of `serving_default` shares the first dimension, as the server's row
    format and batching need it. Places for which no item is left hold the id -1 (`""` where ids
    are strings) and the lowest float32. Characters other than letters, digits and underscores in
    a column's name become underscores in signatures.

    Args:
        base: The model's folder of versions.
        query_model: Keras model from `{column: [B, ...]}` to embeddings `[B, D]`.
        candidates: `[C, D]` embeddings of the items.
        item_ids: `[C]` ids of the items.
        users: `{column: [U, ...]}`, the query features of the known users by id, kept in the
            bundle; requests then carry user ids alone.
        queries: `{column: [Q, ...]}`, without `users`: example rows of the query features, for
            the signatures, the warm-up and the checks.
        item_fields: `{column: [C, ...]}`, such as titles, returned with the ids.
        item_tags: For each item, the strings by which `recommend_filtered` allows or denies it.
        item_model: Keras model from `{column: [B, ...]}` to embeddings `[B, D]`, for `embed_item`.
        items: `{column: [C, ...]}`, with `item_model`: the raw features that it reads.
        seen: The item ids that each known user has seen: `[U, S]`, ragged, or a sequence of
            sequences.
        exclude_seen: Whether a user's seen items are left out of the answers.
        unknown: Query features of a user whom the table lacks, by column; by default each
            feature's `unknown`: the mean of a number, the start of a range of times, the padding
            of a history, and ids that no vocabulary holds (-1, `""`).
        user_key: The column of the user's id.
        item_key: What the item ids are called in requests and answers.
        k: Number of items in an answer of `serving_default`.
        index: One of `indexes.index_kinds()`, `"auto"` (exact or ScaNN by the number of items), or
            an index over `candidates` with `item_ids` as identifiers.
        min_recall: The least recall that an approximate index may have through the bundle.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: More entries for the manifest, such as metrics; JSON-able.
        model_card: From the finished manifest to Markdown, such as `report.model_card` makes; it
            is kept as `assets.extra/model_card.md`.

    Returns:
        The folder of the new version, `base/<number>`.

    Raises:
        ValueError: Where an argument doesn't fit.
        VerificationError: Where the bundle answers otherwise than the model; nothing is published.
    """
    base = pathlib.Path(base)
    if (users is None) == (queries is None):
        raise ValueError("Either `users` or `queries` must be given, received both or neither.")
    table = as_columns(users if users is not None else queries or {}, "users or queries")
    if users is not None and user_key not in table:
        raise ValueError(f"`users` must hold the ids, column {user_key!r}, received {list(table)}.")
    if (item_model is None) != (items is None):
        raise ValueError("`item_model` and `items` must be given together, received one of them.")
    query = TowerReader(query_model, table, "users or queries")
    raw_items = as_columns(items or {}, "items")
    item = None if item_model is None else TowerReader(item_model, raw_items, "items")
    columns = {_IDS: item_ids, _VECTORS: candidates, **(item_fields or {})}
    fields = as_columns(columns, "item_fields")
    ids, vectors = fields.pop(_IDS), fields.pop(_VECTORS)
    tags = None if item_tags is None else ItemTags(item_tags)
    catalogue = ItemTable(ids, item_key, fields, tags)
    known = None
    if users is not None:
        known = UserTable(
            {name: table[name] for name in {*query.names, user_key}},
            user_key,
            {**unknown_user(query_model), **(unknown or {})},
            None if seen is None else ragged_rows(seen, catalogue.rows),
        )
    chosen = sample_rows(len(next(iter(table.values()))), _CHECKED + _TUNED_ON)
    embedded = query({name: tf.gather(table[name], chosen) for name in query.names}).numpy()
    built = _built(index, vectors, ids, embedded, k)
    bundle = RetrieverBundle(query, item, built, known, catalogue, k, exclude_seen)
    sample = take_sample(bundle, table, embedded[:_CHECKED], chosen[:_CHECKED])

    examples = {} if item is None else item.inputs({n: v.numpy() for n, v in raw_items.items()})
    manifest = _manifest(bundle, facts)

    def check(folder: pathlib.Path) -> dict[str, Any]:
        return _checked(folder, bundle, sample, vectors.numpy(), ids.numpy(), min_recall)

    requests = warmup_requests(bundle, sample, examples)
    return publish_bundle(base, bundle, manifest, requests, check, model_name, model_card)


def _built(
    index: str | Index,
    candidates: tf.Tensor,
    ids: tf.Tensor,
    embedded: npt.NDArray[np.float32],
    k: int,
) -> Index:
    kind = index_class(index) if isinstance(index, str) and index != "auto" else type(index)
    if issubclass(kind, Index) and not kind.is_exportable:
        raise ValueError(
            f"`index` must be of a kind that servers can run, received {kind.kind!r}, which can't "
            "be exported."
        )
    if isinstance(index, str):
        # Tuned and checked on different queries, where there are enough of them.
        held_out = embedded[_CHECKED:] if len(embedded) > 2 * _CHECKED else embedded
        return build_index(candidates, ids, index, k=k, queries=held_out)
    if not np.array_equal(index.identifiers.numpy(), ids.numpy()):
        raise ValueError("`index` must hold `item_ids` in the same order, received other ids.")
    return index


def _checked(
    folder: pathlib.Path,
    bundle: RetrieverBundle,
    sample: RetrieverSample,
    candidates: npt.NDArray[np.float32],
    ids: npt.NDArray[Any],
    min_recall: float,
) -> dict[str, Any]:
    expected, scores = expected_answers(sample, candidates, ids, bundle.k)
    result = verify(
        folder,
        sample.inputs,
        expected,
        scores if bundle.index.has_exact_scores else None,
        item_key=bundle.catalogue.key,
        score_key=bundle.catalogue.score,
        min_recall=1.0 if bundle.index.is_exact() else min_recall,
    )
    index = {**_index_facts(bundle), "recall": result.recall}
    return {"index": index, "verified_on": result.queries}


def _index_facts(bundle: RetrieverBundle) -> dict[str, Any]:
    index = bundle.index
    facts = {"kind": index.kind, "exact": index.is_exact(), **index.settings()}
    return {**facts, "frontier": index.frontier} if index.frontier else facts


def _manifest(bundle: RetrieverBundle, facts: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "kind": "retriever",
        "k": bundle.k,
        "user_key": None if bundle.users is None else signature_name(bundle.users.key),
        "item_key": bundle.catalogue.key,
        "exclude_seen": bundle.exclude_seen,
        "items": bundle.index.num_candidates,
        "users": None if bundle.users is None else bundle.users.count,
        "index": _index_facts(bundle),
        "facts": dict(facts or {}),
    }
