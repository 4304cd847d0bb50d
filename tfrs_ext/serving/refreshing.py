"""A new version with other items, between two trainings."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.indexes import Index, index_class
from tfrs_ext.serving.bundle.columns import as_columns
from tfrs_ext.serving.bundle.tower_reader import TowerReader
from tfrs_ext.serving.publishing.manifest import read_manifest
from tfrs_ext.serving.publishing.versions import latest_version
from tfrs_ext.serving.retriever import export

_BATCH = 4096


def refresh(
    base: str | os.PathLike[str],
    query_model: Any,
    item_model: Any,
    items: Mapping[str, Any],
    *,
    item_key: str,
    item_fields: Mapping[str, Any] | None = None,
    item_tags: Sequence[Sequence[str]] | None = None,
    facts: Mapping[str, Any] | None = None,
    **more: Any,
) -> pathlib.Path:
    """Publishes a version with the items as they are now, and otherwise as the last version was.

    Embeds all items anew, so items that are new, changed or gone since the last version are
    added, updated and removed; k, names, exclusion of seen items and the kind of the index are
    those in the last version's manifest. The index keeps the settings that the last one was
    tuned to while the catalogue has between half and twice as many items; else it is tuned anew.
    The version is checked as `export` does, so too low a recall isn't published.

    An item that the item tower's vocabulary lacks is embedded by its other features alone. To
    learn more about it, train on: see `models.warm_start`.

    Args:
        base: The model's folder of versions, with one that `export` wrote.
        query_model: The query tower of the last version.
        item_model: The item tower of the last version.
        items: `{column: [C, ...]}`, what `item_model` reads of every item, with the ids.
        item_key: The column of the item's id.
        item_fields: As in `export`.
        item_tags: As in `export`.
        facts: Entries that replace or extend the last version's.
        more: Any other arguments of `export`; `users` or `queries` is needed.

    Returns:
        The folder of the new version. Its manifest's `facts["refresh"]` says from which version,
        and how many ids were added and removed.

    Raises:
        ValueError: Where there is no version, or an argument doesn't fit.
        VerificationError: As in `export`.
    """
    last = latest_version(base)
    if last is None:
        raise ValueError(
            f"`base` must hold a version that `export` wrote, received none in {base}."
        )
    manifest, columns = read_manifest(last), as_columns(items, "items")
    if item_key not in columns:
        raise ValueError(f"`items` must hold the ids, column {item_key!r}, received {[*columns]}.")
    ids, known = columns[item_key].numpy(), item_ids(last)
    change = {
        "from_version": int(last.name),
        "added": len(np.setdiff1d(ids, known)),
        "removed": len(np.setdiff1d(known, ids)),
    }
    vectors = embed_in_batches(TowerReader(item_model, columns, "items"), columns)
    arguments = {
        "k": manifest["k"],
        "exclude_seen": manifest["exclude_seen"],
        "index": _like(manifest, vectors, ids),
        "item_key": item_key,
        **more,
    }
    return export(
        base,
        query_model,
        vectors,
        ids,
        item_model=item_model,
        items=columns,
        item_fields=item_fields,
        item_tags=item_tags,
        facts={**manifest["facts"], **(facts or {}), "refresh": change},
        **arguments,
    )


def item_ids(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Returns the ids of the items in a version, in the order of its rows.

    Args:
        path: A version's folder.
    """
    variables = tf.train.load_checkpoint(os.path.join(path, "variables", "variables"))
    ids: npt.NDArray[Any] = variables.get_tensor("catalogue/_ids/.ATTRIBUTES/VARIABLE_VALUE")
    return ids


def embed_in_batches(
    encoder: TowerReader, columns: Mapping[str, tf.Tensor]
) -> npt.NDArray[np.float32]:
    """Returns the embeddings `[C, D]` of all rows, in batches."""
    embed, count = tf.function(encoder), len(next(iter(columns.values())))
    parts = [
        embed({name: columns[name][start : start + _BATCH] for name in encoder.names}).numpy()
        for start in range(0, count, _BATCH)
    ]
    vectors: npt.NDArray[np.float32] = np.concatenate(parts)
    return vectors


def _like(
    manifest: Mapping[str, Any], vectors: npt.NDArray[np.float32], ids: npt.NDArray[Any]
) -> str | Index:
    """Returns an index with the last version's settings, or the kind to build and tune."""
    settings = dict(manifest["index"])
    kind: str = settings.pop("kind")
    if not manifest["items"] / 2 <= len(ids) <= manifest["items"] * 2:
        return kind
    index = index_class(kind).from_settings(settings, len(ids), manifest["k"])
    return index.index(vectors, ids)
