"""The steps that every export shares: write, describe, check, publish."""

import datetime
import importlib.metadata
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfrs_ext.serving.bundle.signatures import SignatureModule
from tfrs_ext.serving.publishing.batching import write_batching_params
from tfrs_ext.serving.publishing.manifest import fingerprint, write_manifest, write_model_card
from tfrs_ext.serving.publishing.versions import publish
from tfrs_ext.serving.publishing.warmup import write_warmup

_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders", "tfrs-ext")
Requests = Sequence[tuple[str, Mapping[str, Any]]]
ModelCard = Callable[[Mapping[str, Any]], str]


def publish_bundle(
    base: pathlib.Path,
    bundle: SignatureModule,
    manifest: Mapping[str, Any],
    requests: Requests,
    check: Callable[[pathlib.Path], Mapping[str, Any]],
    model_name: str | None,
    model_card: ModelCard | None = None,
) -> pathlib.Path:
    """Publishes a bundle as the next version, or nothing where `check` raises.

    Args:
        base: The model's folder of versions.
        bundle: What is saved.
        manifest: The facts about it.
        requests: For the warm-up.
        check: Called with the unfinished folder; returns entries that the manifest gains.
        model_name: The server's name for the model; by default the name of the folder `base`.
        model_card: From the finished manifest to Markdown, which is kept beside it.

    Returns:
        The folder of the new version.
    """
    name = model_name or base.resolve().name

    def write(folder: pathlib.Path) -> None:
        bundle.save(folder)
        facts = {**_common(bundle), **manifest}
        write_manifest(folder, facts)
        write_warmup(folder, requests, name)
        write_batching_params(folder, facts["signatures"])
        facts.update(check(folder))
        facts["fingerprint"] = fingerprint(folder)
        write_manifest(folder, facts)
        if model_card is not None:
            write_model_card(folder, model_card(facts))

    return publish(base, write)


def _common(bundle: SignatureModule) -> dict[str, Any]:
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
