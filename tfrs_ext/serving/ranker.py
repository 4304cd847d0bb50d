"""One call from a trained ranking model to a version that a server can load."""

import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.serving.bundle.columns import as_columns
from tfrs_ext.serving.bundle.known_items import KnownItems
from tfrs_ext.serving.bundle.known_users import KnownUsers
from tfrs_ext.serving.bundle.ranker_bundle import RankerBundle
from tfrs_ext.serving.bundle.ranking_reader import RankingReader
from tfrs_ext.serving.items import Items
from tfrs_ext.serving.publishing.manifest import ModelCard
from tfrs_ext.serving.publishing.publisher import publish_bundle
from tfrs_ext.serving.publishing.versions import check_base
from tfrs_ext.serving.users import Users
from tfrs_ext.serving.verification.comparison import verify
from tfrs_ext.serving.verification.ranker_sample import RankerSample
from tfrs_ext.typing import PathLike


def export_ranker(
    base: PathLike,
    model: keras.Model,
    users: Users,
    items: Items,
    *,
    recommend_up_to: int = 10_000,
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Writes, checks and publishes a new version of a ranking model in `base`.

    The version appears under its number at once and whole, after a fresh process without this
    package has loaded it and answered as the model does here. Its signatures:

    - `rank`, which is also `serving_default`: user ids `[B]`, item ids `[B, M]` and the columns of
      `users.context` `[B, ...]` to the item ids, `score` and item fields `[B, M]`, best first;
      equal scores in the order of the request.
    - `score`: the columns that the model reads, each `[B, ...]`, to `score` `[B]`.
    - `recommend`, where there are at most `recommend_up_to` items: user ids `[B]`, `k`, an int32
      scalar, `exclusions`, item ids `[B, E]`, and the context, to the `min(k, C)` best of all items
      without those that the user has seen, as the bundle of a retriever answers. The model sees
      every item: time grows with the catalogue.

    Item ids that the catalogue lacks (also the padding, -1 or `""`, by which rows of a batch get
    equal lengths) come back last, as the id -1 (`""`) with the lowest float32. A user whom the
    table lacks is scored with `users.unknown`. The model sees 4,096 pairs at a time, so a
    request's memory doesn't grow with M.

    Args:
        base: The model's folder of versions.
        model: Keras model from `{column: [B, ...]}` to scores `[B, 1]`, such as a
            `models.RankingModel`.
        users: The known users, with the user's side of what the model reads; the table is kept
            in the version.
        items: The items, with the item's side of what the model reads.
        recommend_up_to: The largest catalogue for which there is a `recommend`.
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
        `export` publishes a retriever; both share versions, warm-up, manifest and checks. When
        items come and go, call `export_ranker` again: there is no index to build.
    """
    check_base(base)
    people, things = as_columns(users.columns, "users"), as_columns(items.columns, "items")
    context = as_columns(users.context, "users.context") if users.context else {}
    _check_columns({**people, **context}, things, items)
    bundle = _build_bundle(model, users, items, {**context, **people}, things, recommend_up_to)
    sample = RankerSample(bundle, people, things, items.item_id)

    def check(folder: pathlib.Path) -> dict[str, Any]:
        result = verify(
            folder,
            sample.request(),
            *sample.expected(),
            signature="rank",
            item_id=bundle.items.key,
            score=bundle.items.score,
        )
        return {"verified_on": result.queries}

    manifest = {
        "kind": "ranker",
        "user_id": bundle.users.key,
        "item_id": bundle.items.key,
        "context": [part.spec.name for part in bundle.users.context],
        "excludes_seen": bundle.users.excludes_seen,
        "items": bundle.items.count,
        "users": bundle.users.count,
    }
    return publish_bundle(base, bundle, manifest, check, model_name, facts, model_card)


def _build_bundle(
    model: keras.Model,
    users: Users,
    items: Items,
    people: Mapping[str, tf.Tensor],
    things: Mapping[str, tf.Tensor],
    recommend_up_to: int,
) -> RankerBundle:
    scorer = RankingReader(model, {**people, **things}, "users` and `items")
    table = KnownItems(items, things[items.item_id])
    known = KnownUsers(users, scorer.names, model, table.positions)
    read = {name: things[name] for name in scorer.names if name in things}
    return RankerBundle(scorer, known, table, read, table.count <= recommend_up_to)


def _check_columns(
    users: Mapping[str, tf.Tensor], items: Mapping[str, tf.Tensor], given: Items
) -> None:
    both = sorted(set(users) & set(items))
    if both:
        raise ValueError(f"`users` and `items` must hold different columns, received both {both}.")
    if given.tags is not None:
        raise ValueError("`items.tags` filter what a retriever finds; a ranker must have none.")
