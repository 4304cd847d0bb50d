"""A new version with other items, between two trainings."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes import Index, build_index, index_class
from tfrs_ext.serving.bundle.retriever_bundle import RetrieverBundle
from tfrs_ext.serving.items import Items
from tfrs_ext.serving.publishing.manifest import ModelCard, read_manifest
from tfrs_ext.serving.publishing.stored_items import item_columns
from tfrs_ext.serving.publishing.versions import latest_version
from tfrs_ext.serving.retriever_draft import BuildIndex, draft_retriever
from tfrs_ext.serving.users import Users
from tfrs_ext.typing import Columns, PathLike


def refresh(
    base: PathLike,
    query_model: keras.Model,
    item_model: keras.Model,
    items: Items,
    *,
    users: Users | None = None,
    queries: Columns | None = None,
    min_recall: float = 0.9,
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Publishes a version with the items as they are now, and otherwise as the last version was.

    Embeds all items anew, so items that are new, changed or gone since the last version are
    added, updated and removed. The number of items in an answer and the kind of the index are
    those in the last version's manifest; the index keeps the settings that the last one was
    tuned to while the catalogue has between half and twice as many items, else it is tuned anew.
    A version that would answer otherwise than the last one is refused: each signature keeps its
    inputs and outputs, and seen items are left out as they were. The version is checked as
    `export` does, so too low a recall isn't published.

    An item that the item tower's vocabulary lacks is embedded by its other features alone. To
    learn more about it, train on: see `models.warm_start`.

    Args:
        base: The model's folder of versions, with one that `export` wrote.
        query_model: The query tower of the last version.
        item_model: The item tower of the last version.
        items: All items as they are now, with what `item_model` reads of them.
        users: The known users, where the last version knew users.
        queries: Example rows of the query features, where the last version knew no users.
        min_recall: The least recall that an approximate index may have through the bundle.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: Entries that replace or extend the last version's.
        model_card: A function from the finished manifest to Markdown, as in `export`.

    Returns:
        The folder of the new version. Its manifest's `facts["refresh"]` says from which version,
        and how many ids were added and removed.

    Raises:
        ValueError: Where there is no version of a retriever, an argument doesn't fit, or the new
            version would answer otherwise than the last one.
        VerificationError: Where the bundle answers otherwise than the model; nothing is published.

    Relations:
        `export` publishes what may answer otherwise. For a ranking model call `export_ranker`
        with the items as they are now.
    """
    last = latest_version(base)
    if last is None:
        raise ValueError(
            f"`base` must hold a version that `export` wrote, received none in {base}."
        )
    manifest = read_manifest(last)
    if manifest["kind"] != "retriever":
        raise ValueError(
            f"`base` must hold a version of a retriever, received that of a {manifest['kind']} in "
            f"{last}: call `export_{manifest['kind']}` with the items as they are now."
        )
    draft = draft_retriever(
        query_model, item_model, items, users, queries, manifest["k"], _build_like(manifest)
    )
    _check_like(manifest, draft.bundle)
    change = _count_changes(last, draft.bundle.items.ids.numpy())
    facts = {**manifest["facts"], **(facts or {}), "refresh": change}
    return draft.publish(base, min_recall, model_name, facts, model_card)


def item_ids(path: PathLike) -> npt.NDArray[Any]:
    """Returns the ids of the items in a version, in the order of their positions.

    Args:
        path: A version's folder.
    """
    ids: npt.NDArray[Any] = item_columns(path)[read_manifest(path)["item_id"]]
    return ids


def _count_changes(last: pathlib.Path, ids: npt.NDArray[Any]) -> dict[str, int]:
    known = item_ids(last)
    return {
        "from_version": int(last.name),
        "added": len(np.setdiff1d(ids, known)),
        "removed": len(np.setdiff1d(known, ids)),
    }


def _build_like(manifest: Mapping[str, Any]) -> BuildIndex:
    """Returns what builds an index with the last version's settings, or tunes one of its kind."""
    settings, items, k = dict(manifest["index"]), manifest["items"], manifest["k"]
    kind: str = settings.pop("kind")

    def build(candidates: tf.Tensor, ids: tf.Tensor, queries: npt.NDArray[np.float32]) -> Index:
        count = int(ids.shape[0])
        if not items / 2 <= count <= items * 2:
            return build_index(candidates, ids, kind, k=k, queries=queries)
        index = index_class(kind).from_settings(settings, count, k)
        return index.index(candidates, ids)

    return build


def _check_like(manifest: Mapping[str, Any], bundle: RetrieverBundle) -> None:
    if manifest["excludes_seen"] != bundle.excludes_seen:
        verb = "leaves out" if manifest["excludes_seen"] else "answers"
        raise ValueError(
            f"`users.seen` must be {'given' if manifest['excludes_seen'] else 'left away'}: the "
            f"last version {verb} what a user has seen. `export` publishes what answers otherwise."
        )
    before, now = manifest["signatures"], bundle.describe()
    for name in sorted({*before, *now}):
        if _essence(before.get(name)) != _essence(now.get(name)):
            raise ValueError(
                f"The last version's signature {name!r} is {before.get(name)}, this one's would "
                f"be {now.get(name)}: give `items` and `users` the same names, fields and tags. "
                "`export` publishes what answers otherwise."
            )


def _essence(signature: Mapping[str, Any] | None) -> Any:
    """Returns what clients depend on: not the width of answers, which few items make smaller."""
    if signature is None:
        return None
    return signature["inputs"], {n: out["dtype"] for n, out in signature["outputs"].items()}
