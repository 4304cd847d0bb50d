"""One call from a fitted baseline to a version that a server can load."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext.baselines import Baseline
from tfrs_ext.serving.bundle.baseline_bundle import BaselineBundle
from tfrs_ext.serving.bundle.columns import as_columns
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.items import Items
from tfrs_ext.serving.publishing.manifest import ModelCard
from tfrs_ext.serving.publishing.publisher import publish_bundle
from tfrs_ext.serving.publishing.versions import check_base
from tfrs_ext.serving.users import Users
from tfrs_ext.serving.verification.comparison import verify
from tfrs_ext.serving.verification.retriever_sample import (
    RetrieverSample,
    expected_answers,
    sample_rows,
)
from tfrs_ext.typing import PathLike

_CHECKED = 64


def export_baseline(
    base: PathLike,
    baseline: Baseline,
    items: Items,
    users: Users,
    *,
    k: int = 100,
    exclude_seen: bool = True,
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Writes, checks and publishes a new version of a baseline in `base`.

    The version appears under its number at once and whole, after a fresh process without this
    package has loaded it and answered as the baseline does here, by user ids and by histories. Its
    signatures, of which the first two and `recommend_filtered` are those of a retriever:

    - `serving_default`: user ids `[B]` to item ids, `score` and item fields, each `[B, k]`.
    - `recommend`: the same with `k`, an int32 scalar, and `exclusions`, item ids `[B, E]`, to the
      same with min(k, C) columns.
    - `recommend_by_features`: as `recommend`, with `history`, item ids `[B, L]`, oldest first, in
      the place of the user: what a session did a moment ago, of somebody whom nobody knows. A
      baseline that reads groups takes the column of the group, too. Unlike a retriever's, this
      signature leaves out the history by itself, with `exclude_seen`.
    - `recommend_filtered`, with `items.tags`: as `recommend`, with tags `[B, A]` to `allow` and to
      `deny`, and `candidates` `[B, E]`, as `export` says.
    - `similar_items`, where the baseline relates items: item ids `[B]` to the items that follow
      from a history of this one, without the item itself.

    A user whom the version doesn't know has an empty history. Padding is the id -1, or `""` where
    ids are strings.

    Args:
        base: The model's folder of versions.
        baseline: The fitted baseline.
        items: The items; item number i is the candidate at position i.
        users: The known users. What they have seen, oldest first, is their history; with a
            baseline that reads groups, `users.columns` holds the group.
        k: The number of items in an answer of `serving_default`.
        exclude_seen: Whether answers leave out the items of a history.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: More entries for the manifest, such as metrics; JSON-able.
        model_card: A function from the finished manifest to Markdown, such as `report.model_card`
            makes; the text is kept as `assets.extra/model_card.md`.

    Returns:
        The folder of the new version, `base/<number>`.

    Raises:
        ValueError: An argument doesn't fit.
        VerificationError: The bundle answers otherwise than the baseline; nothing is published.

    Relations:
        `export` publishes a retriever. There is nothing to refresh: fit the baseline anew.
    """
    check_base(base)
    if k < 1:
        raise ValueError(f"`k` must be a positive integer, received k={k}.")
    table = KnownItems(items, as_columns(items.columns, "items")[items.item_id])
    if table.count != baseline.num_candidates:
        raise ValueError(
            f"`items` must be the {baseline.num_candidates} candidates of the baseline, in the "
            f"order of their positions, received {table.count} items."
        )
    if users.seen is None and baseline.reads_history:
        raise ValueError(
            f"`users.seen` must be given, because {type(baseline).__name__} reads histories: "
            "`data.seen_items` gives them, oldest first."
        )
    group = getattr(baseline, "group", None) if baseline.reads_groups else None
    if group is not None and group not in users.columns:
        raise ValueError(
            f"`users` must hold the column {group!r}, by which the baseline groups users, received "
            f"{list(users.columns)}."
        )
    read = [] if group is None else [group]
    known = KnownUsers(users, read, baseline, table.positions)
    bundle = BaselineBundle(baseline, known, table, k, exclude_seen, group)

    def check(folder: pathlib.Path) -> dict[str, Any]:
        return {"verified_on": _verify(folder, bundle, baseline, group)}

    manifest = {
        "kind": "baseline",
        "k": k,
        "user_id": known.key,
        "item_id": table.key,
        "excludes_seen": exclude_seen,
        "items": table.count,
        "users": known.count,
        "baseline": {"class": type(baseline).__name__, **_settings(baseline)},
    }
    return publish_bundle(base, bundle, manifest, check, model_name, facts, model_card)


def _settings(baseline: Baseline) -> dict[str, Any]:
    config = baseline.get_config()
    return {name: value for name, value in config.items() if name not in ("trainable", "dtype")}


def _verify(
    folder: pathlib.Path, bundle: BaselineBundle, baseline: Baseline, group: str | None
) -> int:
    """Compares answers by user and by history with the baseline's; returns the number of users."""
    users = bundle.users
    ids = tf.gather(users.ids, sample_rows(users.count, _CHECKED))
    histories = users.history(ids)
    groups = None if group is None else users.features(ids)[group]
    seen = histories.to_list() if bundle.excludes_seen else [[]] * len(ids)

    def score(rows: tf.Tensor) -> tf.Tensor:
        of_rows = None if groups is None else tf.gather(groups, rows)
        return baseline(tf.gather(histories, rows), of_rows)

    sample = RetrieverSample({users.key: ids.numpy()}, np.arange(len(ids)), seen)
    expected = expected_answers(sample, score, bundle.items.ids.numpy(), bundle.k)
    found = verify(
        folder,
        sample.inputs,
        *expected,
        item_id=bundle.items.key,
        score=bundle.items.score,
        same={"recommend_by_features": bundle.history_request(histories, groups)},
    )
    return found.queries
