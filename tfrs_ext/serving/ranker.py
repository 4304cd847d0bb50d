"""One call from a trained ranking model to a version that a server can load."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from tfrs_ext.serving.bundle.columns import as_columns
from tfrs_ext.serving.bundle.item_table import ItemTable
from tfrs_ext.serving.bundle.ranker_bundle import RankerBundle
from tfrs_ext.serving.bundle.ranking_reader import RankingReader
from tfrs_ext.serving.bundle.user_table import UserTable, ragged_rows, unknown_user
from tfrs_ext.serving.publishing.publisher import ModelCard, publish_bundle
from tfrs_ext.serving.verification.comparison import verify
from tfrs_ext.serving.verification.ranker_sample import RankerSample


def export_ranker(
    base: str | os.PathLike[str],
    model: Any,
    users: Mapping[str, Any],
    items: Mapping[str, Any],
    *,
    item_fields: Mapping[str, Any] | None = None,
    seen: Any = None,
    exclude_seen: bool = True,
    unknown: Mapping[str, Any] | None = None,
    user_key: str = "user_id",
    item_key: str = "item_id",
    recommend_up_to: int = 10_000,
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Writes, checks and publishes a new version of a ranking model in `base`.

    The version appears under its number at once and whole, after a fresh process without this
    package has loaded it and answered as the model does here. Its signatures:

    - `rank`, which is also `serving_default`: user ids `[B]` and item ids `[B, M]` to the item
      ids, `score` and item fields `[B, M]`, best first; equal scores in the order of the request.
    - `score`: the columns that the model reads, each `[B, ...]`, to `score` `[B]`.
    - `recommend`, where there are at most `recommend_up_to` items: user ids `[B]`, `k`, an int32
      scalar, and `exclusions`, item ids `[B, E]`, to the `min(k, C)` best of all items, as the
      bundle of a retriever answers. The model sees every item: time grows with the catalogue.

    Item ids that the catalogue lacks (also the padding, -1 or `""`, by which rows of a batch get
    equal lengths) come back last, as the id -1 (`""`) with the lowest float32. A user whom the
    table lacks is scored with `unknown`. The model sees 4,096 pairs at a time, so a request's
    memory doesn't grow with M.

    Args:
        base: The model's folder of versions.
        model: Keras model from `{column: [B, ...]}` to scores `[B, 1]`, such as a
            `models.RankingModel`.
        users: `{column: [U, ...]}`, the user's side of what the model reads, with the ids; kept
            in the bundle.
        items: `{column: [C, ...]}`, the item's side of what the model reads, with the ids.
        item_fields: `{column: [C, ...]}`, such as titles, returned with the ids.
        seen: The item ids that each user has seen: `[U, S]`, ragged, or a sequence of sequences.
        exclude_seen: Whether `recommend` leaves a user's seen items out; `rank` never does.
        unknown: The columns of a user whom the table lacks; by default as in `export`.
        user_key: The column of the user's id.
        item_key: The column of the item's id.
        recommend_up_to: The largest catalogue for which there is a `recommend`.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: More entries for the manifest, such as metrics; JSON-able.
        model_card: From the finished manifest to Markdown, such as `report.model_card` makes; it
            is kept as `assets.extra/model_card.md`.

    Returns:
        The folder of the new version, `base/<number>`.

    Raises:
        ValueError: Where an argument doesn't fit.
        VerificationError: Where the bundle answers otherwise than the model; nothing is published.

    `export` publishes a retriever; both share versions, warm-up, manifest and checks.
    """
    base = pathlib.Path(base)
    people, things = as_columns(users, "users"), as_columns(items, "items")
    _check_columns(people, things, user_key, item_key)
    scorer = RankingReader(model, {**people, **things}, "users and items")
    ids = things[item_key]
    fields = as_columns({item_key: ids, **(item_fields or {})}, "item_fields")
    catalogue = ItemTable(fields.pop(item_key), item_key, fields, None)
    known = UserTable(
        {name: people[name] for name in {*scorer.names, user_key} if name in people},
        user_key,
        {**unknown_user(model), **(unknown or {})},
        None if seen is None else ragged_rows(seen, catalogue.rows),
    )
    read = {name: things[name] for name in scorer.names if name in things}
    recommends = int(ids.shape[0]) <= recommend_up_to
    bundle = RankerBundle(scorer, known, read, catalogue, exclude_seen, recommends)
    pairs = RankerSample(bundle, people, things, item_key)

    def check(folder: pathlib.Path) -> dict[str, Any]:
        result = verify(
            folder,
            pairs.request(),
            *pairs.expected(),
            signature="rank",
            item_key=catalogue.key,
            score_key=catalogue.score,
        )
        return {"verified_on": result.queries}

    manifest = {
        "kind": "ranker",
        "user_key": bundle.user_key,
        "item_key": catalogue.key,
        "exclude_seen": exclude_seen,
        "items": int(ids.shape[0]),
        "users": known.count,
        "facts": dict(facts or {}),
    }
    return publish_bundle(base, bundle, manifest, pairs.warmup(), check, model_name, model_card)


def _check_columns(
    users: Mapping[str, Any], items: Mapping[str, Any], user_key: str, item_key: str
) -> None:
    for what, columns, key in (("users", users, user_key), ("items", items, item_key)):
        if key not in columns:
            raise ValueError(f"`{what}` must hold the ids, column {key!r}, received {[*columns]}.")
    both = sorted(set(users) & set(items))
    if both:
        raise ValueError(f"`users` and `items` must hold different columns, received both {both}.")
