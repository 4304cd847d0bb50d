"""The page docs/peers.md, made of what was measured: `python -m benchmarks.peers page`."""

import ast
import json
import pathlib
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.ledger import Row
from benchmarks.peers.contest import ADAPTERS, METRICS
from benchmarks.timing import RESULTS

TRAINED = ("sequence", "two_tower")  # Models of ours that a table should have.
PAGE = pathlib.Path(__file__).parents[2] / "docs" / "peers.md"
HEAD = pathlib.Path(__file__).with_name("head.md")


def write() -> None:
    """Writes the page."""
    PAGE.write_text(text_of([json.loads(path.read_text()) for path in _paths()]))
    print(PAGE)


def text_of(results: Sequence[Row]) -> str:
    """Returns the page of some results."""
    parts = [HEAD.read_text(), *map(_section, results), _versions(results)]
    return "\n".join(parts)


def label_of(contestant: str) -> str:
    """Returns what people call a contestant: a model of ours by its name, or an adapter's words."""
    if ":" not in contestant:
        return f"`{contestant}`"
    path = ADAPTERS / f"{contestant.split(':')[1]}.py"
    words = ast.get_docstring(ast.parse(path.read_text())) or contestant
    return words.split(",")[0].rstrip(".")


def _paths() -> list[pathlib.Path]:
    return sorted(RESULTS.glob("peers_*.json"))


def _section(result: Row) -> str:
    facts, rows = result["facts"], result["rows"]
    split = facts["split"].replace("-", " ")
    lines = [f"## {facts['data']}, {split}\n", _sizes(facts), ""]
    heads = [metric.replace("_at_", "@").replace("ndcg", "NDCG") for metric in METRICS]
    lines += _table(["model", *heads, "ours less theirs"], _quality(facts, rows))
    lines += [_missing(rows), ""]
    columns = ["model", "s to the best epoch", "s an epoch", "best epoch", "s for all answers"]
    lines += _table([*columns, "peak memory, MB"], map(_cost, _by_contestant(rows)))
    lines += ["", "Seconds are those of the processor, and medians over seeds. " + _settings(rows)]
    return "\n".join([*lines, "", "```bash", _command(facts, rows), "```", ""])


def _sizes(facts: Row) -> str:
    unknown = facts["wanted_items_unknown_to_training"]
    return (
        f"There are {facts['training_rows']:,} rows, {facts['training_users']:,} users and "
        f"{facts['items']:,} items to learn from. {facts['users_asked']:,} users are asked, and "
        f"want {facts['wanted_items']:,} items, of which {unknown:.0%} are unknown to the training "
        "part."
    )


def _quality(facts: Row, rows: Sequence[Row]) -> Iterator[list[str]]:
    found, best = facts.get("our_best_less", {}), facts.get("our_best")
    for group in sorted(_by_contestant(rows), key=lambda g: -_mean(g, "ndcg_at_10")):
        name = group[0]["contestant"]
        cells = [f"{_mean(group, metric):.4f}"[1:] for metric in METRICS]
        gap = _difference(found[name]) if name in found else ("ours" if name == best else "")
        label = f"**{label_of(name)}**" if name == best else label_of(name)
        yield [label + _seeds(group), *cells, gap]


def _missing(rows: Sequence[Row]) -> str:
    """Returns a line on the models that have no row, so that nobody takes a part for the whole."""
    had = {row["contestant"].split(":")[-1] for row in rows}
    adapters = {path.stem for path in ADAPTERS.glob("*_*.py")} - {"independent_check"}
    names = [*(adapters - had), *(name for name in TRAINED if name not in had)]
    labels = sorted(label_of(f":{name}" if name in adapters else name) for name in names)
    return f"\nNot measured yet: {'; '.join(labels)}." if labels else ""


def _difference(interval: Sequence[float] | Row) -> str:
    values = interval if isinstance(interval, dict) else dict(zip("mlh", interval, strict=True))
    mean, low, high = (f"{value:+.4f}".replace("0.", ".") for value in values.values())
    return f"{mean} [{low}, {high}]"


def _seeds(group: Sequence[Row]) -> str:
    return f" ({len(group)} seeds)" if len(group) > 1 else ""


def _cost(group: Sequence[Row]) -> list[str]:
    def middle(name: str) -> float:
        return statistics.median(row[name] for row in group)

    return [
        label_of(group[0]["contestant"]),
        f"{middle('processor_seconds_to_best'):,.1f}",
        f"{middle('processor_seconds_an_epoch'):,.2f}",
        f"{middle('best_epoch'):.0f} of {middle('epochs'):.0f}",
        f"{middle('answer_processor_seconds'):,.1f}",
        f"{middle('peak_megabytes'):,.0f}",
    ]


def _settings(rows: Sequence[Row]) -> str:
    def values(name: str) -> str:
        return " or ".join(str(value) for value in sorted({row[name] for row in rows}))

    return (
        f"Width {values('dim')}, sequences of {values('length')} items in batches of "
        f"{values('batch_size')}, at most {values('max_epochs')} epochs, patience "
        f"{values('patience')}, threads: {values('threads')}."
    )


def _command(facts: Row, rows: Sequence[Row]) -> str:
    names = [group[0]["contestant"] for group in _by_contestant(rows)]
    models = " ".join(name for name in names if ":" not in name)
    peers = " ".join(name for name in names if ":" in name)
    seeds = " ".join(str(seed) for seed in sorted({row["seed"] for row in rows}))
    options = [f"--{n.replace('_', '-')} {rows[0][n]}" for n in ("length", "max_epochs", "threads")]
    words = [
        f"python -m benchmarks.peers run --path {facts['data']} --split {facts['split']}",
        f"    --models {models}",
        *([f"    --peers {peers}"] if peers else []),
        f"    --seeds {seeds} {' '.join(options)}",
    ]
    return " \\\n".join(words)


def _versions(results: Sequence[Row]) -> str:
    rows = [row for result in results for row in result["rows"]]
    found = {pair for row in rows for pair in row["versions"].items()}
    found |= {("tfrs_ext", result["facts"]["tfrs_ext"]) for result in results}
    checks = sorted({row["checked_by"] for row in rows})
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
            *_table(["library", "version"], ([name, version] for name, version in sorted(found))),
            "",
            f"The answers were checked by {', '.join(checks)}. Measured on {days} with "
            f"{', '.join(sorted(machines))}, {' or '.join(sorted(cores))} cores, which other work "
            f"shared (loads of {min(loads):.0f} to {max(loads):.0f}). Results are kept in "
            "`benchmarks/results/peers_*.json`.\n",
        ]
    )


def _by_contestant(rows: Sequence[Row]) -> list[list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["contestant"], []).append(row)
    return list(groups.values())


def _mean(group: Sequence[Row], name: str) -> float:
    return statistics.fmean(row[name] for row in group)


def _table(heads: Sequence[str], rows: Any) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]
