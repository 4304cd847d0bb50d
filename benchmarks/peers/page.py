"""The page docs/peers.md, made of what was measured: `python -m benchmarks.peers page`."""

import json
import pathlib
from collections.abc import Sequence

from benchmarks.ledger import Row
from benchmarks.peers import ranking_page, serving_page
from benchmarks.peers.contest import METRICS
from benchmarks.peers.labels import label_of, retrieval_adapters
from benchmarks.peers.tables import command, costs, quality, table, values_of
from benchmarks.timing import RESULTS

TRAINED = ("sequence", "two_tower")  # Models of ours that a table should have.
# What learns from the order of a history, which data without times lack.
ORDERED = {"sequence", "keras_rs_gru", "rectools_sasrec", "rectools_bert4rec"}
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "peers.md"
HEAD = pathlib.Path(__file__).with_name("head.md")


def write() -> None:
    """Writes the page."""
    PAGE.write_text(text_of([json.loads(path.read_text()) for path in _paths()]))
    print(PAGE)


def text_of(results: Sequence[Row]) -> str:
    """Returns the page of some results: retrieval, then ranking and serving, where they are."""
    tasks: dict[str, list[Row]] = {}
    for result in results:
        tasks.setdefault(result["facts"].get("task", "retrieval"), []).append(result)
    parts = [HEAD.read_text(), *map(_section, tasks.get("retrieval", []))]
    for task, section in (("ranking", ranking_page.section), ("serving", serving_page.section)):
        if task in tasks:
            head = HEAD.with_name(f"{task}_head.md").read_text()
            parts += [head, *map(section, tasks[task])]
    return "\n".join([*parts, _versions(results)])


def _paths() -> list[pathlib.Path]:
    return sorted(RESULTS.glob("peers_*.json"))


def _section(result: Row) -> str:
    facts, rows = result["facts"], result["rows"]
    split = facts["split"].replace("-", " ")
    lines = [f"## {facts['data']}, {split}\n", _sizes(facts), ""]
    heads = [metric.replace("_at_", "@").replace("ndcg", "NDCG") for metric in METRICS]
    cells = quality(facts, rows, METRICS, "ndcg_at_10", label_of)
    lines += table(["model", *heads, "ours less theirs"], cells)
    lines += [_missing(facts, rows), *costs(rows, label_of)]
    lines += ["", "Seconds are those of the processor, and medians over seeds. " + _settings(rows)]
    start = f"run --path {facts['data']} --split {facts['split']}"
    lines += ["", command(start, rows, ("length", "max_epochs", "threads"))]
    return "\n".join([*lines, ""])


def _sizes(facts: Row) -> str:
    unknown = facts["wanted_items_unknown_to_training"]
    return (
        f"There are {facts['training_rows']:,} rows, {facts['training_users']:,} users and "
        f"{facts['items']:,} items to learn from. {facts['users_asked']:,} users are asked, and "
        f"want {facts['wanted_items']:,} items, of which {unknown:.0%} are unknown to the training "
        "part."
    )


def _missing(facts: Row, rows: Sequence[Row]) -> str:
    """Returns lines on the models that have no row, so that nobody takes a part for the whole."""
    had = {row["contestant"].split(":")[-1] for row in rows}
    missing = (retrieval_adapters() | set(TRAINED)) - had
    senseless = missing & ORDERED if facts["split"] == "random" else set()
    reasons = {
        "Not measured yet": missing - senseless,
        "Not asked, as there are no times": senseless,
    }
    return "".join(f"\n{why}: {_join(names)}.\n" for why, names in reasons.items() if names)


def _join(names: set[str]) -> str:
    return "; ".join(sorted(label_of(name if name in TRAINED else f":{name}") for name in names))


def _settings(rows: Sequence[Row]) -> str:
    return (
        f"Width {values_of(rows, 'dim')}, sequences of {values_of(rows, 'length')} items in "
        f"batches of {values_of(rows, 'batch_size')}, at most {values_of(rows, 'max_epochs')} "
        f"epochs, patience {values_of(rows, 'patience')}, threads: {values_of(rows, 'threads')}."
    )


def _versions(results: Sequence[Row]) -> str:
    rows = [row for result in results for row in result["rows"]]
    found = {pair for row in rows for pair in row["versions"].items()}
    found |= {("tfrs_ext", result["facts"]["tfrs_ext"]) for result in results}
    checks = sorted({row["checked_by"] for row in rows if "checked_by" in row})
    machines = {result["facts"]["machine"]["processor"] for result in results}
    cores = {str(result["facts"]["machine"]["cores"]) for result in results}
    dates = sorted({row["date"] for row in rows})
    loads = [row["load_average"] for row in rows]
    if not rows:
        return "Nothing was measured yet.\n"
    days = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return "\n".join(
        [
            "## What it was measured with\n",
            *table(["library", "version"], ([name, version] for name, version in sorted(found))),
            "",
            f"The answers were checked by {', '.join(checks)}. Measured on {days} with "
            f"{', '.join(sorted(machines))}, {' or '.join(sorted(cores))} cores, which other work "
            f"shared (loads of {min(loads):.0f} to {max(loads):.0f}). Results are kept in "
            "`benchmarks/results/peers_*.json`.\n",
        ]
    )
