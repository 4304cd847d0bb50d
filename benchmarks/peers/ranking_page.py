"""The sections of docs/peers.md on models that rank."""

import ast

from benchmarks.ledger import Row
from benchmarks.peers.contest import ADAPTERS
from benchmarks.peers.ranking_problem import METRICS
from benchmarks.peers.tables import command, costs, quality, table, values_of

HEADS = ("AUC", "GAUC", "log loss")


def section(result: Row) -> str:
    """Returns the section of one data set."""
    facts, rows = result["facts"], result["rows"]
    heads = ["model", *HEADS, "AUC, ours less theirs"]
    start = f"rank --data {facts['data']} --path {facts['data']}"
    settings = ("dim", "batch_size", "max_epochs", "patience", "threads")
    lines = [f"## {facts['data']}, ranking\n", _sizes(facts), ""]
    lines += table(heads, quality(facts, rows, METRICS, "auc", label_of))
    lines += ["", *costs(rows, label_of), "", _settings(rows), "", command(start, rows, settings)]
    return "\n".join([*lines, ""])


def label_of(contestant: str) -> str:
    """Returns what people call a contestant: a model of ours by its name, or whose model it is."""
    if ":" not in contestant:
        return f"`{contestant}`"
    environment, model = contestant.split(":")
    words = ast.get_docstring(ast.parse((ADAPTERS / f"rank_{environment}.py").read_text()))
    return f"{model} of {(words or environment).split(',')[0]}"


def _sizes(facts: Row) -> str:
    return (
        f"There are {facts['train_rows']:,} rows to learn from, {facts['positive']:.0%} of them "
        f"positive, {facts['validation_rows']:,} that choose the epoch and {facts['test_rows']:,} "
        f"that are asked, with {len(facts['columns'])} columns: "
        f"{', '.join(f'`{name}`' for name in facts['columns'])}."
    )


def _settings(rows: list[Row]) -> str:
    return (
        "Seconds are those of the processor, and medians over seeds. "
        f"Width {values_of(rows, 'dim')}, batches of {values_of(rows, 'batch_size')}, at most "
        f"{values_of(rows, 'max_epochs')} epochs, patience {values_of(rows, 'patience')}, threads: "
        f"{values_of(rows, 'threads')}."
    )
