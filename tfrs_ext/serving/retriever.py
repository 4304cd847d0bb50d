"""One call from a trained model to a version that a server can load."""

import functools
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes import Index, build_index, index_class
from tfrs_ext.serving.items import Items
from tfrs_ext.serving.publishing.manifest import ModelCard
from tfrs_ext.serving.publishing.versions import check_base
from tfrs_ext.serving.retriever_draft import draft_retriever
from tfrs_ext.serving.users import Users
from tfrs_ext.typing import Columns, PathLike, TensorLike


def export(
    base: PathLike,
    query_model: keras.Model,
    candidates: keras.Model | TensorLike,
    items: Items,
    *,
    users: Users | None = None,
    queries: Columns | None = None,
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
    - `recommend_by_features`, with `users`: the query features in place of the user id, such as the
      history of a session of somebody whom nobody knows; else as `recommend`. Nothing but the
      `exclusions` is left out.
    - `recommend_filtered`, with `items.tags`: as `recommend`, with tags `[B, A]` to `allow` and
      to `deny`: items that bear one of the allowed tags (any item, where a row holds `""` alone)
      and none of the denied. `candidates` `[B, E]` are the ids of the only items that a row may be
      answered with; all may where it holds padding, `""` or -1, alone. It is as exact as the index
      while enough of the best candidates pass, and exact where few pass: then it scores the whole
      corpus, block by block.
    - `embed_user`: the query features to `embedding` `[B, D]`.
    - `embed_item`, where `candidates` is a model: the item features to `embedding` `[B, D]`.
    - `similar_items`: item ids `[B]` to the same as `serving_default`, without the item itself: by
      the inner product of what the index holds of them. Of a `MatrixFactorization` it holds biases
      too, whose product lifts what is popular: `use_bias=False` leaves them out.

    With `users.context`, the first three and `recommend_filtered` take its columns, too. Every
    input and output of `serving_default` shares the first dimension, as the server's row
    format and batching need it. Places for which no item is left hold the id -1 (`""` where ids
    are strings) and the lowest float32. Characters other than letters, digits and underscores in
    a column's name become underscores in signatures.

    Args:
        base: The model's folder of versions.
        query_model: Keras model from `{column: [B, ...]}` to embeddings `[B, D]`; a `Sequential`
            takes the only column.
        candidates: The embeddings of the items, `[C, D]`, in the order of `items`; or the Keras
            model that makes them of `items.columns`.
        items: The items.
        users: The known users, whose table is kept in the version; requests then carry user ids
            alone.
        queries: `{column: [Q, ...]}`, without `users`: example rows of the query features, for
            the signatures, the warm-up and the checks.
        k: The number of items in an answer of `serving_default`.
        index: One of `indexes.index_kinds()`, `"auto"` (exact or ScaNN by the number of items), or
            an index over `candidates` with the items' ids as identifiers.
        min_recall: The least recall that an approximate index may have through the bundle.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: More entries for the manifest, such as metrics; JSON-able.
        model_card: A function from the finished manifest to Markdown, such as
            `report.model_card` makes; the text is kept as `assets.extra/model_card.md`.

    Returns:
        The folder of the new version, `base/<number>`.

    Raises:
        ValueError: Where an argument doesn't fit.
        VerificationError: Where the bundle answers otherwise than the model; nothing is published.

    Relations:
        `export_ranker` publishes a ranking model; `refresh` a version with other items.
    """
    check_base(base)
    build = functools.partial(_build_index, index, k)
    draft = draft_retriever(query_model, candidates, items, users, queries, k, build)
    return draft.publish(base, min_recall, model_name, facts, model_card)


def _build_index(
    index: str | Index, k: int, candidates: tf.Tensor, ids: tf.Tensor, queries: tf.Tensor
) -> Index:
    known = index_class(index) if isinstance(index, str) and index != "auto" else index
    if not isinstance(known, str) and not known.is_exportable:
        raise ValueError(
            f"`index` must be of a kind that servers can run, received {known.kind!r}, which can't "
            "be exported."
        )
    if isinstance(index, str):
        return build_index(candidates, ids, index, k=k, queries=queries)
    identifiers = index.identifiers
    if (
        identifiers.dtype != ids.dtype
        or not tf.reduce_all(tf.shape(identifiers) == tf.shape(ids))
        or not tf.reduce_all(identifiers == ids)
    ):
        raise ValueError(
            "`index` must hold the ids of `items` in the same order, received other ids."
        )
    return index
