"""The tables that sections on retrieval and on ranking share."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.ledger import Row

Label = Callable[[str], str]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Returns the lines of a table in Markdown."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def quality(
    facts: Row, rows: Sequence[Row], metrics: Sequence[str], order: str, label: Label
) -> Iterator[list[str]]:
    """Yields the means of each contestant's metrics, best first, and how far ours is ahead.

    Args:
        facts: What all rows share, with what `differences` found.
        rows: What was measured.
        metrics: What is shown.
        order: The metric that orders the contestants.
        label: From a contestant to what people call it.
    """
    found, best = facts.get("our_best_less", {}), facts.get("our_best")
    for group in sorted(by_contestant(rows), key=lambda group: -_mean(group, order)):
        name = group[0]["contestant"]
        cells = [f"{_mean(group, metric):.4f}".removeprefix("0") for metric in metrics]
        gap = _difference(found[name]) if name in found else ("ours" if name == best else "")
        words = f"**{label(name)}**" if name == best else label(name)
        yield [words + _seeds(group), *cells, gap]


def costs(rows: Sequence[Row], label: Label) -> list[str]:
    """Returns the lines of the table on what trainings and answers cost."""
    columns = ["model", "s to the best epoch", "s an epoch", "best epoch", "s for all answers"]
    groups = by_contestant(rows)
    return table([*columns, "peak memory, MB"], (_cost(group, label) for group in groups))


def by_contestant(rows: Sequence[Row]) -> list[list[Row]]:
    """Returns the rows of each contestant."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["contestant"], []).append(row)
    return list(groups.values())


def values_of(rows: Sequence[Row], name: str) -> str:
    """Returns the values that the rows have of a setting, in words."""
    return " or ".join(str(value) for value in sorted({row[name] for row in rows}))


def command(start: str, rows: Sequence[Row], settings: Sequence[str]) -> str:
    """Returns the command that measures the rows, as a block of code.

    Args:
        start: Its first words.
        rows: What was measured.
        settings: Which settings it names.
    """
    names = [group[0]["contestant"] for group in by_contestant(rows)]
    models = " ".join(name for name in names if ":" not in name)
    peers = " ".join(name for name in names if ":" in name)
    seeds = " ".join(str(seed) for seed in sorted({row["seed"] for row in rows}))
    options = [f"--{name.replace('_', '-')} {rows[0][name]}" for name in settings]
    words = [
        f"python -m benchmarks.peers {start}",
        f"    --models {models}",
        *([f"    --peers {peers}"] if peers else []),
        f"    --seeds {seeds} {' '.join(options)}",
    ]
    return "\n".join(["```bash", " \\\n".join(words), "```"])


def _cost(group: Sequence[Row], label: Label) -> list[str]:
    def middle(name: str) -> float:
        return statistics.median(row[name] for row in group)

    return [
        label(group[0]["contestant"]),
        f"{middle('processor_seconds_to_best'):,.1f}",
        f"{middle('processor_seconds_an_epoch'):,.2f}",
        f"{middle('best_epoch'):.0f} of {middle('epochs'):.0f}",
        f"{middle('answer_processor_seconds'):,.1f}",
        f"{middle('peak_megabytes'):,.0f}",
    ]


def _difference(interval: Sequence[float] | Row) -> str:
    values = interval if isinstance(interval, dict) else dict(zip("mlh", interval, strict=True))
    mean, low, high = (f"{value:+.4f}".replace("0.", ".") for value in values.values())
    return f"{mean} [{low}, {high}]"


def _seeds(group: Sequence[Row]) -> str:
    return f" ({len(group)} seeds)" if len(group) > 1 else ""


def _mean(group: Sequence[Row], name: str) -> float:
    return statistics.fmean(row[name] for row in group)
