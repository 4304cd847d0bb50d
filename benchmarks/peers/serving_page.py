"""The sections of docs/peers.md on what exports and serving cost."""

import statistics
from collections.abc import Sequence

from benchmarks.ledger import Row
from benchmarks.peers.labels import exporting_adapters, label_of, retrieval_adapters
from benchmarks.peers.serving_contest import COSTS
from benchmarks.peers.tables import by_contestant, command, table, values_of

HEADS = ("model", "s to export", "MB", "s to load", "ms for one user, p50", "p99")


def section(result: Row) -> str:
    """Returns the section of one data set."""
    facts, rows = result["facts"], result["rows"]
    groups = sorted(by_contestant(rows), key=lambda group: _middle(group, "ask_ms_p50"))
    start = f"serve --path {facts['data']} --split {rows[0]['split']}"
    lines = [f"## {facts['data']}, serving\n", _sizes(facts), ""]
    lines += [*table(HEADS, map(_cells, groups)), _missing(rows), "", _settings(rows), ""]
    lines += [command(start, rows, ("length", "threads"))]
    return "\n".join([*lines, ""])


def _cells(group: Sequence[Row]) -> list[str]:
    seconds, megabytes, load, *asks = (_middle(group, name) for name in COSTS)
    return [
        label_of(group[0]["contestant"]),
        f"{seconds:,.2f}",
        f"{megabytes:,.1f}",
        f"{load:,.2f}",
        *(f"{value:,.2f}" for value in asks),
    ]


def _middle(group: Sequence[Row], name: str) -> float:
    return statistics.median(row[name] for row in group)


def _sizes(facts: Row) -> str:
    return (
        f"There are {facts['training_users']:,} users with {facts['training_rows']:,} rows, and "
        f"{facts['items']:,} items to choose from."
    )


def _missing(rows: Sequence[Row]) -> str:
    """Returns a line on the adapters that have no row, and why."""
    had = {row["contestant"].split(":")[-1] for row in rows}
    without = retrieval_adapters() - exporting_adapters()
    later = exporting_adapters() - had
    reasons = {"Without an export here": without, "Not measured yet": later}
    lines = [
        f"{reason}: {'; '.join(sorted(label_of(f':{name}') for name in names))}."
        for reason, names in reasons.items()
        if names
    ]
    return "\n" + " ".join(lines) if lines else ""


def _settings(rows: Sequence[Row]) -> str:
    loads = [row["load_average"] for row in rows]
    return (
        f"Width {values_of(rows, 'dim')}, sequences of {values_of(rows, 'length')} items, threads: "
        f"{values_of(rows, 'threads')}. The first {values_of(rows, 'checked_users')} users were "
        "answered by the export as by the model before it. The machine had loads of "
        f"{min(loads):.0f} to {max(loads):.0f}."
    )
