"""One contestant on one problem: it answers in a process of its own, and is scored here."""

import contextlib
import datetime
import json
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pandas as pd

from benchmarks.ledger import Row
from benchmarks.peers.environments import HOME, OURS, call, make_environment
from benchmarks.peers.problem import Problem, explode
from tfrs_ext import evaluation

ADAPTERS = pathlib.Path(__file__).parent / "adapters"
RUNS = pathlib.Path("runs/peers")
METRICS = ("recall_at_10", "ndcg_at_10", "recall_at_100", "ndcg_at_100")
_TOLERANCE = 1e-6


class Asks(Protocol):
    """A problem, of which a contestant is told by files."""

    @property
    def name(self) -> str:
        """Of the data and the split."""

    def write(self, folder: pathlib.Path, settings: dict[str, Any]) -> None:
        """Writes what a contestant reads: tables as Parquet, and spec.json."""


class Scores(Protocol):
    """Metrics by name."""

    def __getitem__(self, name: str, /) -> float:
        """Returns a metric."""


def measure(problem: Problem, contestant: str, spec: Row) -> Row:
    """Returns the row of a contestant: `environment:adapter`, or the name of a model of ours."""
    environment, adapter = home_of(contestant)
    with answers_of(problem, contestant, spec, environment, adapter) as out:
        result = problem.score(pd.read_parquet(out / "answers.parquet"))
        explode(problem.wanted).to_parquet(out / "wanted.parquet", index=False)
        row = {
            **{metric: result[metric] for metric in METRICS},
            **cost_of(out, "ndcg_at_10"),
            **check(out, result, "ir_measures", "independent_check"),
        }
    keep(result, problem.name, contestant, spec["seed"])
    return row


def home_of(contestant: str) -> tuple[str, str]:
    """Returns the environment and the adapter of a contestant that retrieves."""
    environment, _, adapter = contestant.partition(":")
    return (environment, adapter) if adapter else (OURS, OURS)


@contextlib.contextmanager
def answers_of(
    problem: Asks,
    contestant: str,
    spec: Row,
    environment: str,
    adapter: str,
    steps: Sequence[str] = ("answer",),
) -> Iterator[pathlib.Path]:
    """Lets a contestant take steps, such as to answer, in a process each.

    It yields the folder of what they wrote, which is there until the end.
    """
    # One each, so that two runs don't mistake each other's settings for theirs.
    name = f"{contestant.replace(':', '-')}-{spec['seed']}"
    folder = HOME / "exchange" / problem.name / name
    out = folder / "out"
    problem.write(folder, {**spec, "model": contestant})
    script = ADAPTERS / f"{adapter}.py"
    for step in steps:
        words = [str(folder), str(out), step]
        call(make_environment(environment), script, words, spec["threads"])
    yield out
    shutil.rmtree(folder)


def cost_of(out: pathlib.Path, metric: str) -> Row:
    """Returns what answers cost, when they were given, and how the metric went by epoch."""
    cost = json.loads((out / "cost.json").read_text())
    return {
        **{name: value for name, value in cost.items() if name != "rows"},
        "by_epoch": [epoch.get(metric) for epoch in cost["rows"]],
        "date": datetime.date.today().isoformat(),
        "load_average": os.getloadavg()[0],
    }


def check(out: pathlib.Path, ours: Scores, environment: str, script: str) -> Row:
    """Returns how far an independent library's metrics are from ours.

    Raises:
        ValueError: They are not the same.
    """
    call(make_environment(environment), ADAPTERS / f"{script}.py", [str(out)], threads=1)
    found: dict[str, Any] = json.loads((out / "check.json").read_text())
    gap = max(abs(ours[name] - value) for name, value in found["values"].items())
    if gap > _TOLERANCE:
        scores = {name: ours[name] for name in found["values"]}
        raise ValueError(f"{found['library']} scores {found['values']}, and we score {scores}.")
    return {"checked_by": found["library"], "checked_gap": gap}


def keep(result: evaluation.RetrievalResult, problem: str, contestant: str, seed: int) -> None:
    """Keeps the metrics of each query, for differences that are paired."""
    path = result_path(problem, contestant, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    result.save(path)


def result_path(problem: str, contestant: str, seed: int) -> pathlib.Path:
    """Returns where the metrics of each query are kept."""
    return RUNS / problem / f"{contestant.replace(':', '-')}-{seed}.npz"
