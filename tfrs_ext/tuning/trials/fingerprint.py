"""What a search's folder was begun with, so that another search doesn't go on in it."""

import hashlib
import json
import pathlib
from typing import Any

import tensorflow as tf

from tfrs_ext.files import read_json, write_json
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.repairs import exploring
from tfrs_ext.typing import Config

_FILE = "fingerprint.json"


def check_fingerprint(
    tuner: keras_tuner.Tuner, fit_args: tuple[Any, ...], data_version: str | None
) -> None:
    """Writes what the search is, or compares it with what its folder was begun with.

    Args:
        tuner: The tuner, whose folder holds the trials so far.
        fit_args: What `fit` is given; of datasets, the columns with their dtypes count.
        data_version: What else names the data, or None.

    Raises:
        ValueError: The folder holds another search.
    """
    path = pathlib.Path(tuner.project_dir) / _FILE
    ours = describe_search(tuner.hypermodel, tuner.oracle.objective, fit_args, data_version)
    theirs = read_json(path)
    if theirs is None:
        write_json(path, ours)
        return
    found = list_changes(theirs, ours)
    if found:
        raise ValueError(
            f"`tuner` must go on with the search that its folder {tuner.project_dir} holds, "
            f"received another one: {'; '.join(found)}. Name another `project_name`, or make the "
            "tuner with overwrite=True, which forgets the trials of the folder."
        )


def describe_search(
    hypermodel: keras_tuner.HyperModel,
    objective: keras_tuner.Objective,
    fit_args: tuple[Any, ...],
    data_version: str | None,
) -> Config:
    """Returns what tells a search from another one, JSON-able.

    Args:
        hypermodel: What is searched.
        objective: What is measured.
        fit_args: What `fit` is given; of datasets, the columns with their dtypes count.
        data_version: What else names the data, or None.
    """
    specs = [str(a.element_spec) for a in fit_args if isinstance(a, tf.data.Dataset)]
    facts: Config = getattr(hypermodel, "describe_data", dict)()
    return {
        "space": _describe_space(hypermodel),
        "objective": f"{objective.name}, {objective.direction}",
        "data": _digest([specs, facts, data_version]),
    }


def list_changes(theirs: Config, ours: Config) -> list[str]:
    """Returns in which parts two descriptions differ, a clause each.

    Args:
        theirs: The earlier one.
        ours: The present one.
    """
    reasons = [_compare(part, theirs.get(part), value) for part, value in ours.items()]
    return [reason for reason in reasons if reason]


def _describe_space(hypermodel: keras_tuner.HyperModel) -> Config:
    """Returns digests of the hyper-parameters that the defaults show, by name."""
    hp = keras_tuner.HyperParameters()
    try:
        with exploring(hypermodel):
            hypermodel.build(hp)
        hypermodel.declare_hyperparameters(hp)
    except Exception:  # A model that can't be built is for its trial to report.
        return {}
    parts: dict[str, list[Any]] = {}
    for part in hp.get_config()["space"]:
        parts.setdefault(part["config"]["name"], []).append(part)
    return {name: _digest(declared) for name, declared in parts.items()}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _compare(part: str, old: Any, new: Any) -> str | None:
    if old == new or (part == "space" and not (old and new)):
        return None
    if part == "space":
        names = sorted(n for n in {*old, *new} if old.get(n) != new.get(n))
        return f"its space has changed in {names}"
    if part != "data":
        return f"its {part} was {old} and is {new}"
    return "its data have changed"
