"""One call from trained stages to a version that a server can load."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.bundle.columns import as_columns
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.two_stage_bundle import REASON, TwoStageBundle
from tfrs_ext.serving.items import Items
from tfrs_ext.serving.publishing.manifest import ModelCard
from tfrs_ext.serving.publishing.publisher import publish_bundle
from tfrs_ext.serving.publishing.versions import check_base
from tfrs_ext.serving.users import Users
from tfrs_ext.serving.verification.agreement import verify_places
from tfrs_ext.serving.verification.fresh_process import Request
from tfrs_ext.serving.verification.retriever_sample import sample_rows
from tfrs_ext.stages import TwoStage
from tfrs_ext.typing import PathLike

_CHECKED = 64


def export_two_stage(
    base: PathLike,
    system: TwoStage,
    users: Users,
    items: Items,
    *,
    k: int = 10,
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Writes, checks and publishes a new version of generators, ranker and rules in `base`.

    The version is one SavedModel. It appears under its number at once and whole, after a fresh
    process without this package has loaded it and answered as the stages do here. Its signatures:

    - `serving_default`: user ids `[B]` to item ids, `score`, item fields and `reason`, each
      `[B, k]`, in the order in which they are to be shown.
    - `recommend`: the same with `k`, an int32 scalar, and an input for each of `system.inputs`,
      `[B, E]`, such as `exclusions` with item ids or `allow` with tags, to min(k, M) columns.

    `reason` is a string: the generators that brought the item, and the rules that lifted it.
    Scores are the ranker's, changed by the rules that score; where a rule chose for variety they
    don't fall from place to place. Places for which no item is left hold the id -1 (`""` where ids
    are strings) and the lowest float32.

    Args:
        base: The model's folder of versions.
        system: The stages.
        users: The known users, with what the models read of them; the table is kept in the
            version. What they have seen is left out.
        items: The items, in the order in which the stages know them. Tags belong to the rule
            `reranking.FilterTags`.
        k: The number of items in an answer of `serving_default`.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: More entries for the manifest, such as metrics; JSON-able.
        model_card: A function from the finished manifest to Markdown, such as
            `report.model_card` makes; the text is kept as `assets.extra/model_card.md`.

    Returns:
        The folder of the new version, `base/<number>`.

    Raises:
        ValueError: Where an argument doesn't fit.
        VerificationError: Where the bundle answers otherwise than the stages; nothing is published.

    Relations:
        `export` publishes a retriever alone, `export_ranker` a ranker that is told what to rank.
    """
    check_base(base)
    if k < 1:
        raise ValueError(f"`k` must be a positive integer, received k={k}.")
    people, things = as_columns(users.columns, "users"), as_columns(items.columns, "items")
    if users.context:
        raise ValueError(
            "`users.context` must be left away: the stages answer for a user, not for a moment, "
            f"received {sorted(users.context)}. Keep these columns in the table alone."
        )
    _check_tables(system, people, items, len(things[items.item_id]))
    table = KnownItems(items, things[items.item_id])
    known = KnownUsers(users, people, system, table.positions)
    bundle = TwoStageBundle(system, known, table, k)

    def check(folder: pathlib.Path) -> dict[str, Any]:
        requests = _make_requests(bundle)
        answers = [bundle.answer_here(r.signature, r.inputs) for r in requests]
        rows = verify_places(
            folder, requests, answers, item_id=bundle.items.key, score=bundle.items.score
        )
        return {"verified_on": rows}

    manifest = {
        "kind": "two_stage",
        "k": k,
        "user_id": bundle.users.key,
        "item_id": bundle.items.key,
        "excludes_seen": bundle.users.excludes_seen,
        "items": bundle.items.count,
        "users": bundle.users.count,
        "generators": {g.source: g.count for g in system.generators},
        "rules": [rule.name for rule in system.rules],
    }
    return publish_bundle(base, bundle, manifest, check, model_name, facts, model_card)


def _check_tables(
    system: TwoStage, people: Mapping[str, tf.Tensor], items: Items, count: int
) -> None:
    if count != system.num_items:
        raise ValueError(
            f"`items` must be the {system.num_items} that the stages know, in their order, "
            f"received {count}."
        )
    if items.tags is not None:
        raise ValueError("`items.tags` must be left away: give them to `reranking.FilterTags`.")
    if items.fields and REASON in items.fields:
        raise ValueError(f"`items.fields` must not hold {REASON!r}, which answers hold anyway.")
    wanted = system.query_columns
    missing = sorted(set(wanted) - set(people))
    if missing:
        raise ValueError(
            f"`users` must hold the columns that the stages read, {wanted}, received "
            f"{sorted(people)}: {missing} are missing."
        )


def _make_requests(bundle: TwoStageBundle) -> list[Request]:
    """Returns requests of some users: as they are, and without what they were shown then."""
    rows = sample_rows(bundle.users.count, _CHECKED)
    asked = {bundle.users.key: tf.gather(bundle.users.ids, rows).numpy()}
    default = Request("serving_default", asked)
    best = bundle.answer_here(*default[:2])[bundle.items.key][:, :2]
    more = {
        name: best if wanted.kind == "items" else np.repeat(_nothing(wanted.kind), 2 * len(rows))
        for name, wanted in bundle.system.inputs.items()
    }
    more = {name: np.reshape(values, [len(rows), 2]) for name, values in more.items()}
    return [default, Request("recommend", {**asked, "k": np.int32(bundle.k), **more})]


def _nothing(kind: str) -> npt.NDArray[Any]:
    return np.array([""], object) if kind == "tags" else np.zeros(1, np.float32)
