"""Peers and our models on one split, asked the same and scored by one code.

Every known user of the test part is asked once for 100 new items out of those that training has.
Each contestant runs in a process and an environment of its own, with the same number of threads,
and may choose its best epoch by the same validation questions. Its answers are scored by our
metrics, and by an independent library. Rows that are measured are kept and not measured again.

Run: python -m benchmarks.peers run --path ML-1M --peers implicit:implicit_als
     python -m benchmarks.peers page
"""

import argparse
import os
import pathlib

import pandas as pd

import tfrs_ext  # First: it chooses Keras 2.
from benchmarks.ledger import Ledger
from benchmarks.peers import page
from benchmarks.peers.contest import METRICS, measure
from benchmarks.peers.differences import differences
from benchmarks.peers.problem import Problem
from benchmarks.sequence_quality import SPLITS, load
from benchmarks.timing import machine

MODELS = ("popularity", "item_to_item", "ease", "ials", "two_tower")


def run(options: argparse.Namespace) -> None:
    """Measures what isn't measured yet, and prints the table."""
    names = [*options.models, *options.peers]
    folder = pathlib.Path(options.path).name
    problem = Problem(f"{folder}-{options.split}", load(options.path, options.split))
    facts = {"data": folder, "split": options.split, "tfrs_ext": tfrs_ext.__version__}
    facts |= {**problem.facts(), "machine": machine()}
    ledger = Ledger(f"peers_{problem.name}".replace("-", "_"), facts)
    ledger.total = len(ledger.rows) + len(names) * len(options.seeds)
    settings = ("dim", "length", "batch_size", "max_epochs", "patience", "threads")
    for seed in options.seeds:
        for name in names:
            spec = {**{key: getattr(options, key) for key in settings}, "seed": seed}
            ledger.run(
                lambda name=name, spec=spec: measure(problem, name, spec), contestant=name, **spec
            )
            ledger.note(**differences(problem.name, ledger.rows))
    shown = ["contestant", "seed", *METRICS, "processor_seconds_to_best", "peak_megabytes"]
    print(pd.DataFrame(ledger.rows)[shown].round(4).to_string(index=False))


def main(words: list[str] | None = None) -> None:
    """Measures, or makes the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run", help="measures what isn't measured yet")
    runs.set_defaults(command=run)
    runs.add_argument("--path", required=True)
    runs.add_argument("--split", choices=SPLITS, default="leave-one-out")
    runs.add_argument("--peers", nargs="*", default=[], help="environment:adapter")
    runs.add_argument("--models", nargs="*", default=list(MODELS))
    runs.add_argument("--seeds", nargs="+", type=int, default=[0])
    usual = {"dim": 64, "length": 200, "batch-size": 128, "max-epochs": 20, "patience": 5}
    for name, value in usual.items():
        runs.add_argument(f"--{name}", type=int, default=value)
    runs.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    pages = commands.add_parser("page", help="makes docs/peers.md of the results")
    pages.set_defaults(command=lambda options: page.write())
    options = parser.parse_args(words)
    options.command(options)


if __name__ == "__main__":
    main()
