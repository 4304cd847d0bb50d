"""One contestant on one problem: it answers in a process of its own, and is scored here."""

import datetime
import json
import os
import pathlib
import shutil
from typing import Any

import pandas as pd

from benchmarks.ledger import Row
from benchmarks.peers.environments import HOME, OURS, call, make_environment
from benchmarks.peers.problem import Problem, explode
from tfrs_ext import evaluation

ADAPTERS = pathlib.Path(__file__).parent / "adapters"
RUNS = pathlib.Path("runs/peers")
METRICS = ("recall_at_10", "ndcg_at_10", "recall_at_100", "ndcg_at_100")
_TOLERANCE = 1e-6


def measure(problem: Problem, contestant: str, spec: Row) -> Row:
    """Returns the row of a contestant: `environment:adapter`, or the name of a model of ours."""
    # One each, so that two runs don't mistake each other's settings for theirs.
    name = f"{contestant.replace(':', '-')}-{spec['seed']}"
    folder = HOME / "exchange" / problem.name / name
    out = folder / "out"
    environment, adapter = contestant.split(":") if ":" in contestant else (OURS, OURS)
    problem.write(folder, {**spec, "model": contestant})
    script = ADAPTERS / f"{adapter}.py"
    call(make_environment(environment), script, [str(folder), str(out)], spec["threads"])
    cost = json.loads((out / "cost.json").read_text())
    result = problem.score(pd.read_parquet(out / "answers.parquet"))
    row = {
        **{metric: result[metric] for metric in METRICS},
        **{name: value for name, value in cost.items() if name != "rows"},
        "by_epoch": [epoch.get("ndcg_at_10") for epoch in cost["rows"]],
        **_check(problem, out, result),
        "date": datetime.date.today().isoformat(),
        "load_average": os.getloadavg()[0],
    }
    path = result_path(problem.name, contestant, spec["seed"])
    path.parent.mkdir(parents=True, exist_ok=True)
    result.save(path)
    shutil.rmtree(folder)
    return row


def result_path(problem: str, contestant: str, seed: int) -> pathlib.Path:
    """Returns where the metrics of each query are kept."""
    return RUNS / problem / f"{contestant.replace(':', '-')}-{seed}.npz"


def _check(problem: Problem, out: pathlib.Path, result: evaluation.RetrievalResult) -> Row:
    """Returns how far an independent library's metrics are from ours.

    Raises:
        ValueError: They are not the same.
    """
    explode(problem.wanted).to_parquet(out / "wanted.parquet", index=False)
    call(make_environment("ir_measures"), ADAPTERS / "independent_check.py", [str(out)], threads=1)
    found: dict[str, Any] = json.loads((out / "check.json").read_text())
    gap = max(abs(result[name] - value) for name, value in found["values"].items())
    if gap > _TOLERANCE:
        ours = {name: result[name] for name in found["values"]}
        raise ValueError(f"{found['library']} scores {found['values']}, and we score {ours}.")
    return {"checked_by": found["library"], "checked_gap": gap}
