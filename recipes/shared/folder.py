"""The checks before the first step, and a folder of results that belongs to one set of data."""

import dataclasses
import json
import re
import shutil

from tfrs_ext import files

from .asking import as_id
from .console import console
from .settings import Settings
from .source import read_mapping

_FEW = 100


_WRITTEN = ("source.json", "tuner", "trials.json", "hparams.json", "train", "logs")
_WRITTEN += (
    "trained.json",
    "model.keras",
    "results.npz",
    "evaluation.json",
    "metrics.json",
    "report.html",
    "retriever",
    "pretraining",
)


def check_data(settings: Settings) -> None:
    """Refuses data that would fail later, and warns of those that are too few to say anything."""
    frames, split = settings.frames, settings.split
    for table in (frames.users, frames.items):
        if len(table) < 2:
            raise ValueError(f"there must be two users and two items at least, received {frames!r}")
    schema = frames.schema
    if settings.user is not None:
        as_id(settings.user, str(frames.users[schema.user_id].dtype))
    names = [schema.user_id, schema.item_id, *schema.user_features, *schema.item_features]
    names += schema.context_features
    by_signature: dict[str, str] = {}
    for name in names:  # As an export calls them: TensorFlow takes letters, digits, underscores.
        other = by_signature.setdefault(re.sub(r"[^0-9A-Za-z_]", "_", name), name)
        if other != name:
            raise ValueError(
                f"columns must differ in letters a to z, digits and underscores, received "
                f"{other!r} and {name!r}, which an export can't tell apart: rename one"
            )
    if schema.timestamp is None:
        console.print("the data have no times: the order of the rows counts as their order in time")
    tested = len(split.test.interactions)
    if tested < _FEW:
        console.print(f"the test part has {tested} rows: figures of so few say next to nothing")


def begin(settings: Settings) -> None:
    """Writes what a folder of results is about, and refuses to mix it with other data."""
    path = settings.runs / "source.json"
    ours = {"source": dataclasses.asdict(settings.source), "data": settings.frames.fingerprint()}
    if settings.fresh:
        for name in _WRITTEN:
            found = settings.runs / name
            shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)
    begun = read_mapping(path)
    if not begun:
        files.write_json(path, ours)
    elif begun != json.loads(json.dumps(ours)):
        what = "whose cells have changed since" if begun.get("source") == ours["source"] else ""
        raise ValueError(
            f"`--runs` must be a folder that was begun with the same data, received "
            f"{settings.runs} of {begun.get('source')} {what}: begin anew with `--fresh`, or name "
            "another folder"
        )
