"""The report and the model card of a run, from the files that its stages have written."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

import pandas as pd

from recipes import stages
from tfrs_ext import report
from tfrs_ext.files import read_json

_PACKAGES = ("tensorflow", "tf-keras", "tensorflow-recommenders", "tfrs-ext")
_LIMITS = (
    "One training with one seed: how far another seed would move the figures isn't in the "
    "intervals, which are about other users.",
    "Users took what they were shown: the log favours what earlier systems offered.",
    "Each look at the test part that leads to another model makes it a validation part.",
)


def page(
    run: stages.Run, recipe: str, objective: str, manifest: Mapping[str, Any] | None = None
) -> report.RunSummary:
    """Returns what is known of a run.

    Args:
        run: The run, of which `train` has written evaluation.json.
        recipe: What the run is about.
        objective: What the search was for.
        manifest: Of the published version, where there is one.
    """
    history = run.runs / "train" / "history.csv"
    manifest = manifest or {}
    source = run.source
    synthetic = ["The data are made up, with planted preferences."] * (source.name == "synthetic")
    found = read_json(run.runs / "evaluation.json") or {}
    return report.RunSummary(
        **found,
        title=f"{recipe}: {source.name}, {source.split} split",
        history=pd.read_csv(history).to_dict("list") if history.exists() else {},
        trials=read_json(run.runs / "trials.json") or (),
        objective=objective,
        hyperparameters=read_json(run.runs / "hparams.json") or {},
        index=manifest.get("index", {}),
        versions=manifest.get("versions") or {n: importlib.metadata.version(n) for n in _PACKAGES},
        seed=run.seed,
        fingerprint=manifest.get("fingerprint", ""),
        limits=[*synthetic, *_LIMITS],
    )


def write(run: stages.Run, page: report.RunSummary) -> None:
    """Writes report.html."""
    path = report.write_report(run.runs / "report.html", page)
    stages.console.print(f"report: {path}")
