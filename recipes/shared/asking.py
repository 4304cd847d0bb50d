"""Questions to the newest version: for one user, or for everybody."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from rich.table import Table
from rich.text import Text

from tfrs_ext import serving

from .console import console, say
from .settings import Settings


def ask(settings: Settings, signature: str, candidates: Sequence[str] = (), **inputs: Any) -> None:
    """Asks the newest version in a fresh process without this package, and shows the answer.

    Args:
        settings: Of the run; `user` is whom for, else the first user.
        signature: Of the version.
        candidates: Item ids, where the signature takes them.
        **inputs: The others.
    """
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    manifest = serving.read_manifest(version)
    user_id, item_id = manifest["user_id"], manifest["item_id"]
    takes = manifest["signatures"][signature]["inputs"]
    user = settings.user or _first_user(settings, manifest)
    context = _unknown_context(manifest, signature, 1)
    request = {user_id: [as_id(user, takes[user_id]["dtype"])], **context, **inputs}
    if candidates:
        request[item_id] = [[as_id(item, takes[item_id]["dtype"]) for item in candidates]]
    answer = serving.query_fresh(version, request, signature)
    table = Table(title=Text(f"{version.name}: for {user_id} {user}"), title_justify="left")
    names = [item_id, *(name for name in ("title", "reason") if name in answer), "score"]
    for name in ["rank", *names]:
        is_text = name in ("title", "reason")
        table.add_column(name, justify="left" if is_text else "right")
    rows = zip(*(answer[name][0] for name in names), strict=True)
    for rank, (item, *cells, score) in enumerate(rows, start=1):
        if item in (-1, ""):
            table.add_row(str(rank), *[""] * len(cells), "no item of that id is left")
            continue
        # A title is text: as a string, what looks like rich's markup would vanish or fail.
        table.add_row(str(rank), *(Text(str(cell)) for cell in (item, *cells)), f"{score:.3f}")
    console.print(table)


def recommend(settings: Settings) -> None:
    """Writes what the newest version recommends to everybody, or to a file of requests."""
    if settings.out is None:
        raise ValueError("`recommend` needs `--out FOLDER`")
    version = serving.latest_version(settings.base)
    if version is None:
        raise RuntimeError(f"there is no version in {settings.base}: run `export` first")
    requests = settings.requests or _everybody(settings, serving.read_manifest(version))
    parts = serving.recommend_to_parquet(
        version, requests, settings.out, k=settings.k, print_fn=say
    )
    say(f"{len(parts)} parts in {settings.out}")


def _first_user(settings: Settings, manifest: Mapping[str, Any]) -> str:
    _check_source(settings, manifest, "--user")
    return str(_users(settings)[0])


def _everybody(settings: Settings, manifest: Mapping[str, Any]) -> dict[str, Any]:
    _check_source(settings, manifest, "--requests")
    users = _users(settings)
    return {manifest["user_id"]: users, **_unknown_context(manifest, "recommend", len(users))}


def _users(settings: Settings) -> npt.NDArray[Any]:
    return settings.frames.users[settings.frames.schema.user_id].to_numpy()


def _check_source(settings: Settings, manifest: Mapping[str, Any], option: str) -> None:
    """Raises ValueError where the users of the data aren't those of the version."""
    theirs = (manifest["facts"].get("source") or {}).get("name")
    if theirs != settings.source.name:
        raise ValueError(
            f"`{option}` must be given, because the version was made from {theirs} and not from "
            f"{settings.source.name}"
        )


def _unknown_context(manifest: Mapping[str, Any], signature: str, rows: int) -> dict[str, Any]:
    takes = manifest["signatures"][signature]["inputs"]
    return {name: [_empty(takes[name])] * rows for name in manifest.get("context", ())}


def _empty(takes: Mapping[str, Any]) -> Any:
    """Returns what an input holds where nothing is known of the moment."""
    values = {"string": "", "float32": math.nan}
    empty = values.get(takes["dtype"], -1)
    for size in reversed(takes["shape"][1:]):
        empty = [empty] * size
    return empty


def as_id(text: str, dtype: str) -> int | str:
    """Returns an id of a command line as the export takes it."""
    if not dtype.startswith("int"):
        return text
    if not text.lstrip("-").isdecimal():
        raise ValueError(f"users and items have whole numbers as ids, received {text!r}")
    return int(text)
