"""What is known of a run: for its report and for the manifest of its export."""

import dataclasses
import datetime
import importlib.metadata
from collections.abc import Mapping
from typing import Any

import pandas as pd

import tfrs_ext
from tfrs_ext import data, files, report, training

from .console import say
from .settings import Settings
from .source import read_mapping

LIMITS = (
    "One training with one seed: how far another seed would move the figures isn't in the "
    "intervals, which are about other users.",
    "Users took what they were shown: the log favours what earlier systems offered.",
    "Each look at the test part that leads to another model makes it a validation part.",
)


_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders")


def titles(frames: data.Frames) -> dict[str, Any] | None:
    """Returns the item fields that answers should hold."""
    return {"title": report.item_titles(frames)} if frames.schema.title else None


def manifest_facts(settings: Settings) -> dict[str, Any]:
    """Returns what an export's manifest should say about the run."""
    return {
        "metrics": files.read_json(settings.runs / "metrics.json"),
        "hparams": read_mapping(settings.runs / "trained.json").get("hyperparameters"),
        "source": dataclasses.asdict(settings.source),
    }


def data_facts(settings: Settings) -> dict[str, Any]:
    """Returns what a report says of the data, whatever the recipe."""
    frames, source = settings.frames, settings.source
    own = (source.interactions, source.users, source.items)
    facts: dict[str, Any] = {"data": source.name}
    if source.interactions is not None:
        facts["files"] = ", ".join(name for name in own if name is not None)
    if frames.schema.timestamp is not None:
        days = [pd.Timestamp(time, unit="s").date() for time in frames.times()[[0, -1]]]
        facts["period"] = f"{days[0]} to {days[1]}"
    schema = frames.schema
    return {
        **facts,
        "columns": ", ".join((schema.user_id, *schema.user_features))
        + "; "
        + ", ".join((schema.item_id, *schema.item_features))
        + "".join(f"; {name} of the moment" for name in schema.context_features),
        "left out": " ".join(frames.notes) or "nothing",
        "split": source.split,
        "users": len(frames.users),
        "items": len(frames.items),
        "training rows": len(settings.split.train.interactions),
        "date": datetime.date.today().isoformat(),
    }


def summarize(
    settings: Settings, title: str, objective: str, manifest: Mapping[str, Any] | None = None
) -> report.RunSummary:
    """Returns what is known of a run, from the files that its steps have written.

    Args:
        settings: Of a run of which `train` has written evaluation.json.
        title: What the run is about.
        objective: What the search was for.
        manifest: Of the published version, where there is one.
    """
    path = settings.runs / "evaluation.json"
    found = read_mapping(path)
    unknown = set(found) - {field.name for field in dataclasses.fields(report.RunSummary)}
    if unknown:
        raise ValueError(f"{path} must be as `train` writes it, received {unknown}: delete it")
    trained_with = read_mapping(settings.runs / "trained.json")
    manifest, source = manifest or {}, settings.source
    versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    versions["tfrs-ext"] = tfrs_ext.__version__
    synthetic = ["The data are made up, with planted preferences."] * (source.name == "synthetic")
    return report.RunSummary(
        **found,
        title=f"{title}: {source.name}, {source.split} split",
        history=training.read_history(settings.runs / "train"),
        trials=files.read_json(settings.runs / "trials.json") or (),
        objective=objective,
        hyperparameters=trained_with.get("hyperparameters", {}),
        index=manifest.get("index", {}),
        versions=manifest.get("versions") or versions,
        seed=trained_with.get("seed"),
        fingerprint=manifest.get("fingerprint", ""),
        limits=[*synthetic, *LIMITS],
    )


def write_report(settings: Settings, summary: report.RunSummary) -> None:
    """Writes report.html."""
    path = report.write_report(settings.runs / "report.html", summary)
    say(f"wrote {path}")
