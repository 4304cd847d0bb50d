"""Peers and our models on one split, asked the same and scored by one code.

Every user of the test part is asked once for 100 new items, ranked out of the whole catalogue. Each
peer runs in an environment of its own, which is made from its requirements when it is first
needed, with the same number of threads. Rows that are measured are kept and not measured again.

Run: python -m benchmarks.peers --path ML-1M --peers implicit:implicit_als rectools:rectools_sasrec
"""

import argparse
import json
import os
import pathlib
import shutil
from typing import Any

import pandas as pd

import tfrs_ext  # First: it chooses Keras 2.
from benchmarks.ledger import Ledger, Row
from benchmarks.peers import ours
from benchmarks.peers.environments import HOME, call, make_environment
from benchmarks.peers.problem import Problem
from benchmarks.sequence_quality import SPLITS, load

ADAPTERS = pathlib.Path(__file__).parent / "adapters"
METRICS = ("recall_at_10", "ndcg_at_10", "recall_at_100", "ndcg_at_100")


def ask_peer(problem: Problem, peer: str, spec: Row) -> tuple[pd.DataFrame, Row]:
    """Returns the answers of `environment:adapter`, and what they cost."""
    environment, adapter = peer.split(":")
    python, folder = make_environment(environment), HOME / "exchange" / problem.name
    out = folder / adapter
    problem.write(folder, spec)
    call(python, ADAPTERS / f"{adapter}.py", [str(folder), str(out)], spec["threads"])
    found = pd.read_parquet(out / "answers.parquet")
    cost = json.loads((out / "cost.json").read_text())
    shutil.rmtree(out)
    return found, {name: cost.get(name) for name in ("seconds", "epochs", "peak_megabytes")}


def measure(problem: Problem, name: str, spec: Row) -> Row:
    """Returns the row of one contestant: `environment:adapter`, or a model of ours."""
    solve = ask_peer if ":" in name else ours.answer
    found, cost = solve(problem, name, spec)
    result = problem.score(found)
    epochs = cost.get("epochs")
    return {
        **{metric: result[metric] for metric in METRICS},
        "users": len(problem.questions()),
        "contestant_seconds": cost["seconds"],
        "epochs": len(epochs) if isinstance(epochs, list) else epochs,
        "peak_megabytes": cost["peak_megabytes"],
    }


def main() -> None:
    """Measures what isn't measured yet, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True)
    parser.add_argument("--split", choices=SPLITS, default="leave-one-out")
    parser.add_argument("--peers", nargs="*", default=["implicit:implicit_als"])
    parser.add_argument("--models", nargs="*", default=["popularity", "item_to_item", "ease"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    for name, value in (("dim", 64), ("length", 200), ("batch-size", 64), ("max-epochs", 20)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--patience", type=int, default=5)
    parser.add_argument("--negatives", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = vars(parser.parse_args())
    path, split, seeds = options.pop("path"), options.pop("split"), options.pop("seeds")
    names = [*options.pop("models"), *options.pop("peers")]
    problem = Problem(f"{pathlib.Path(path).name}-{split}", load(path, split))
    ledger = Ledger("peers", {"tfrs_ext": tfrs_ext.__version__}, len(names) * len(seeds))
    rows = []
    for name in names:
        for seed in seeds:
            spec: dict[str, Any] = {**options, "seed": seed}
            key = {"problem": problem.name, "contestant": name, **spec}
            rows.append(
                ledger.run(lambda name=name, spec=spec: measure(problem, name, spec), **key)
            )
    shown = ["contestant", "seed", *METRICS, "contestant_seconds", "peak_megabytes"]
    print(pd.DataFrame(rows)[shown].round(4).to_string(index=False))


if __name__ == "__main__":
    main()
