"""The steps that every export shares: write, describe, check, publish."""

import datetime
import importlib.metadata
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from tfrs_ext.serving.bundle.signatures import SignatureModule
from tfrs_ext.serving.publishing.batching import write_batching_params
from tfrs_ext.serving.publishing.manifest import (
    ModelCard,
    fingerprint,
    to_json,
    write_manifest,
    write_model_card,
)
from tfrs_ext.serving.publishing.versions import publish
from tfrs_ext.serving.publishing.warmup import write_warmup
from tfrs_ext.typing import PathLike

_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders", "tfrs-ext")


def publish_bundle(
    base: PathLike,
    bundle: SignatureModule,
    manifest: Mapping[str, Any],
    check: Callable[[pathlib.Path], Mapping[str, Any]],
    model_name: str | None = None,
    facts: Mapping[str, Any] | None = None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Publishes a bundle as the next version, or nothing where `check` raises.

    Args:
        base: The model's folder of versions.
        bundle: What is saved.
        manifest: The facts about it.
        check: Called with the unfinished folder; returns entries that the manifest gains.
        model_name: The server's name for the model; by default the name of the folder `base`.
        facts: The manifest's entry `facts`.
        model_card: From the finished manifest to Markdown, which is kept beside it.

    Returns:
        The folder of the new version.
    """
    name = model_name or pathlib.Path(base).resolve().name
    described = {**_describe(bundle), **manifest, "facts": to_json(facts or {})}

    def write(folder: pathlib.Path) -> None:
        bundle.save(folder)
        write_manifest(folder, described)
        write_warmup(folder, bundle.warmup(), name)
        write_batching_params(folder, described["signatures"])
        finished = {**described, **check(folder), "fingerprint": fingerprint(folder)}
        write_manifest(folder, finished)
        if model_card is not None:
            write_model_card(folder, model_card(finished))

    return publish(base, write)


def _describe(bundle: SignatureModule) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.timezone.utc)
    library = bundle.op_library
    packages = _PACKAGES if library is None else (*_PACKAGES, library.partition("/")[0])
    return {
        "format": 1,
        "created": now.isoformat(timespec="seconds"),
        "signatures": bundle.describe(),
        "op_library": library,
        "versions": {package: _version(package) for package in packages},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
