"""The facts about a version, in a file that servers ignore."""

import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfrs_ext.files import read_json, write_json
from tfrs_ext.typing import PathLike

FOLDER = "assets.extra"
ModelCard = Callable[[Mapping[str, Any]], str]
"""From a finished manifest to Markdown."""

_NAME, _CARD = "manifest.json", "model_card.md"


def read_manifest(path: PathLike) -> dict[str, Any]:
    """Returns the manifest of a version.

    Args:
        path: A version's folder.

    Raises:
        FileNotFoundError: Where the folder isn't a version that `serving.export` wrote.
    """
    file = pathlib.Path(path, FOLDER, _NAME)
    manifest: dict[str, Any] | None = read_json(file)
    if manifest is None:
        raise FileNotFoundError(
            f"`path` must be a version's folder that `serving.export` wrote, received "
            f"path={os.fspath(path)!r}: {file} is missing."
        )
    return manifest


def op_library(path: PathLike) -> str | None:
    """Returns the library of custom operations that a version needs, as `indexes` finds it.

    Args:
        path: A version's folder; one that another program wrote needs none.
    """
    if not pathlib.Path(path, FOLDER, _NAME).is_file():
        return None
    library: str | None = read_manifest(path).get("op_library")
    return library


def to_json(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Returns `facts` as they are read back from JSON; NumPy's numbers become plain ones.

    Raises:
        ValueError: Where JSON has no such value.
    """

    def convert(value: object) -> object:
        if isinstance(value, (np.generic, np.ndarray)):
            return value.tolist()
        raise TypeError(f"{type(value).__name__} {value!r}")

    plain: dict[str, Any] = {}
    for name, value in facts.items():
        try:
            plain[name] = json.loads(json.dumps(value, default=convert, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`facts` must hold what JSON can say, received {name}={value!r}: {error}."
            ) from error
    return plain


def write_manifest(path: pathlib.Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest of a version that is still being made."""
    write_json(path / FOLDER / _NAME, manifest)


def write_model_card(path: pathlib.Path, text: str) -> None:
    """Writes the page for people beside the manifest."""
    (path / FOLDER / _CARD).write_text(text, encoding="utf-8")


def fingerprint(path: PathLike) -> str:
    """Returns a SHA-256 over the names and contents of all files that servers read.

    Not over the manifest and the model card, which tell the fingerprint themselves.

    Args:
        path: A version's folder.
    """
    path = pathlib.Path(path)
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file() and p.name not in (_NAME, _CARD)):
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        digest.update(file.stat().st_size.to_bytes(8, "little"))
        with file.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
