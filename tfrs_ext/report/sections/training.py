"""How training went: losses, metrics, temperature and the estimates of Q."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from tfrs_ext.report.blocks import Chart, Section
from tfrs_ext.report.charts.lines import Line, line_chart
from tfrs_ext.report.estimates import decimal, estimate, metric_name
from tfrs_ext.report.run_summary import RunSummary

_CHARTS: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("Loss", "The mean of an epoch's batches.", lambda name: name.endswith("loss")),
    (
        "Temperature",
        "What scores are divided by: the lower, the more the hardest negatives count.",
        lambda name: "temperature" in name,
    ),
    (
        "log Q",
        "The estimated log-probability that a negative is an item of the popularity named.",
        lambda name: name.startswith("log_q"),
    ),
)


def training_section(run: RunSummary) -> Section | None:
    """Returns a chart of each kind of column that the history has."""
    columns = _columns(run.history)
    if not columns:
        return None
    epochs = columns.pop("epoch", None)
    length = len(next(iter(columns.values())))
    # Keras counts epochs from 0, people from 1; a resumed training repeats none of them.
    x = [epoch + 1 for epoch in epochs] if epochs else list(range(1, length + 1))
    best = _best(run, columns, x)
    charts: list[Chart] = []
    for title, text, chosen in _divide(columns):
        lines = [Line(_word(n), x, list(map(estimate, v))) for n, v in chosen.items()]
        words = f"{text} {_ends(lines)}".strip()
        y = title if len(lines) == 1 else ""
        key = f"training-{len(charts)}"
        charts.append(line_chart(key, title, words, lines, ("epoch", y), marked=best))
    if not charts:
        return None
    text = "One point an epoch. The model keeps the weights of the best epoch."
    return Section("training", "Training", text if best else "One point an epoch.", charts)


def _divide(
    columns: Mapping[str, Sequence[float]],
) -> Iterator[tuple[str, str, dict[str, Sequence[float]]]]:
    """Yields title, text and columns of each chart; every metric has axes of its own."""
    for title, text, belongs in _CHARTS:
        chosen = {name: values for name, values in columns.items() if belongs(name)}
        columns = {name: values for name, values in columns.items() if name not in chosen}
        if chosen:
            yield title, text, chosen
    for name, values in columns.items():
        if name.startswith("val_"):
            yield f"{_word(name)} on the validation part", "", {name: values}


def _columns(history: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Returns the columns that say something: numbers, not 0 throughout, no twin of another."""
    columns: dict[str, list[float]] = {}
    for name in history:
        values = [float(value) for value in history[name]]
        if name == "epoch" or (any(values) and values not in columns.values()):
            columns[name] = values
    return columns if set(columns) - {"epoch"} else {}


def _best(
    run: RunSummary, columns: Mapping[str, Sequence[float]], x: Sequence[float]
) -> tuple[float, str] | None:
    values = columns.get(run.objective)
    if not values:
        return None
    choose = max if run.direction == "max" else min
    known = [value for value in values if math.isfinite(value)]
    return (x[values.index(choose(known))], "best epoch") if known else None


def _word(name: str) -> str:
    return (
        metric_name(name)
        if name.startswith("val_")
        else name.replace("log_q", "log Q").replace("_", " ")
    )


def _ends(lines: Sequence[Line]) -> str:
    parts = [
        f"{line.name} from {decimal(line.y[0].mean)} to {decimal(line.y[-1].mean)}"
        for line in lines[:3]
    ]
    return f"{'; '.join(parts)} in {len(lines[0].x)} epochs."
