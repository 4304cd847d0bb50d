"""Peers and our models on one split, asked the same and scored by one code.

Every known user of the test part is asked once for 100 new items out of those that training has.
Each contestant runs in a process and an environment of its own, with the same number of threads,
and may choose its best epoch by the same validation questions. Its answers are scored by our
metrics, and by an independent library. Rows that are measured are kept and not measured again.
Models that rank are asked for the probability of each test row's label instead. What serving costs
is measured with exports: a fresh process loads one and asks it for one user at a time.

Run: python -m benchmarks.peers run --path ML-1M --peers implicit:implicit_als
     python -m benchmarks.peers rank --data frappe --path FRAPPE --peers deepctr:DCN-V2
     python -m benchmarks.peers serve --path ML-100K --peers implicit:implicit_als
     python -m benchmarks.peers page
"""

import argparse
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

import tfrs_ext  # First: it chooses Keras 2.
from benchmarks.ledger import Ledger, Row
from benchmarks.peers import page, ranking_contest, ranking_problem, serving_contest
from benchmarks.peers.contest import METRICS, measure
from benchmarks.peers.differences import differences
from benchmarks.peers.problem import Problem
from benchmarks.splits import SPLITS, load
from benchmarks.timing import machine

MODELS = ("popularity", "item_to_item", "ease", "ials", "two_tower")
RANKERS = ("dnn", "dcn_v2", "wide_deep")
SERVED = ("sequence", "two_tower", "ease", "ials", "item_to_item")
COSTS = ("processor_seconds_to_best", "peak_megabytes")


def run(options: argparse.Namespace) -> None:
    """Measures retrieval that isn't measured yet, and prints the table."""
    folder = pathlib.Path(options.path).name
    problem = Problem(f"{folder}-{options.split}", load(options.path, options.split))
    facts = {"data": folder, "split": options.split, **problem.facts()}
    ledger = _ledger(problem.name, facts)
    settings = ("dim", "length", "batch_size", "max_epochs", "patience", "threads")
    for name, spec in _trainings(options, ledger, settings):
        ledger.run(
            lambda name=name, spec=spec: measure(problem, name, spec), contestant=name, **spec
        )
        ledger.note(**differences(problem.name, ledger.rows, kept=ledger.facts))
    _show(ledger, (*METRICS, *COSTS))


def rank(options: argparse.Namespace) -> None:
    """Measures ranking that isn't measured yet, and prints the table."""
    problem = ranking_problem.PROBLEMS[options.data](pathlib.Path(options.path))
    ledger = _ledger(problem.name, {"task": "ranking", "data": options.data, **problem.facts()})
    users = problem.wanted[ranking_problem.USER_ID]
    settings = ("dim", "batch_size", "max_epochs", "patience", "threads")
    for name, spec in _trainings(options, ledger, settings):
        ledger.run(
            lambda name=name, spec=spec: ranking_contest.measure(problem, name, spec),
            contestant=name,
            **spec,
        )
        ledger.note(**differences(problem.name, ledger.rows, "auc", users, ledger.facts))
    _show(ledger, (*ranking_problem.METRICS, *COSTS))


def serve(options: argparse.Namespace) -> None:
    """Measures exports that aren't measured yet, and prints the table."""
    serving_contest.check_names([*options.models, *options.peers])
    folder = pathlib.Path(options.path).name
    problem = Problem(f"serving-{folder}", load(options.path, options.split))
    ledger = _ledger(problem.name, {"task": "serving", "data": folder, **problem.facts()})
    settings = ("split", "dim", "length", "batch_size", "max_epochs", "patience", "threads")
    for name, spec in _trainings(options, ledger, settings):
        ledger.run(
            lambda name=name, spec=spec: serving_contest.measure(problem, name, spec),
            contestant=name,
            **spec,
        )
    _show(ledger, serving_contest.COSTS)


def _ledger(problem: str, facts: Row) -> Ledger:
    facts = {**facts, "tfrs_ext": tfrs_ext.__version__, "machine": machine()}
    return Ledger(f"peers_{problem}".replace("-", "_"), facts)


def _trainings(
    options: argparse.Namespace, ledger: Ledger, settings: Sequence[str]
) -> Iterator[tuple[str, Row]]:
    """Yields each contestant with its settings, seed by seed."""
    names = [*options.models, *options.peers]
    ledger.total = len(ledger.rows) + len(names) * len(options.seeds)
    for seed in options.seeds:
        for name in names:
            yield name, {**{key: getattr(options, key) for key in settings}, "seed": seed}


def _show(ledger: Ledger, columns: Sequence[str]) -> None:
    shown = ["contestant", "seed", *columns]
    print(pd.DataFrame(ledger.rows)[shown].round(4).to_string(index=False))


def _add_options(command: argparse.ArgumentParser, usual: Mapping[str, int]) -> None:
    """Adds what all trainings are told."""
    command.add_argument("--path", required=True)
    command.add_argument("--peers", nargs="*", default=[], help="environment:adapter or :model")
    command.add_argument("--seeds", nargs="+", type=int, default=[0])
    for name, value in usual.items():
        command.add_argument(f"--{name}", type=int, default=value)
    command.add_argument("--threads", type=int, default=os.cpu_count() or 1)


def main(words: list[str] | None = None) -> None:
    """Measures, or makes the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run", help="measures retrieval that isn't measured yet")
    runs.set_defaults(command=run)
    runs.add_argument("--split", choices=SPLITS, default="leave-one-out")
    runs.add_argument("--models", nargs="*", default=list(MODELS))
    usual = {"dim": 64, "length": 200, "batch-size": 128, "max-epochs": 20, "patience": 5}
    _add_options(runs, usual)
    serves = commands.add_parser("serve", help="measures exports that aren't measured yet")
    serves.set_defaults(command=serve)
    serves.add_argument("--split", choices=SPLITS, default="leave-one-out")
    serves.add_argument("--models", nargs="*", default=list(SERVED))
    _add_options(serves, {**usual, "max-epochs": 1, "patience": 1})
    serves.set_defaults(threads=1)
    ranks = commands.add_parser("rank", help="measures ranking that isn't measured yet")
    ranks.set_defaults(command=rank)
    ranks.add_argument("--data", choices=list(ranking_problem.PROBLEMS), required=True)
    ranks.add_argument("--models", nargs="*", default=list(RANKERS))
    _add_options(ranks, {"dim": 16, "batch-size": 2048, "max-epochs": 10, "patience": 2})
    pages = commands.add_parser("page", help="makes docs/peers.md of the results")
    pages.set_defaults(command=lambda options: page.write())
    options = parser.parse_args(words)
    options.command(options)


if __name__ == "__main__":
    main()
