"""How good the model is beside its baselines."""

from collections.abc import Sequence

from tfrs_ext.report.blocks import Cell, Chart, Section, Table, cell
from tfrs_ext.report.charts.lines import Line, line_chart
from tfrs_ext.report.estimates import cutoff, estimate, metric_name
from tfrs_ext.report.run_summary import RunSummary

_KINDS = ("recall", "ndcg", "mrr")
_LESS_IS_BETTER = {"log_loss", "calibration_error", "median_rank"}


def accuracy_section(run: RunSummary) -> Section | None:
    """Returns the tables of metrics and the curve over k."""
    if not run.metrics:
        return None
    blocks: list[Table | Chart] = [*accuracy_tables(run)]
    curves = (_curve(run, kind) for kind in ("recall", "ndcg"))
    blocks += [curve for curve in curves if curve is not None]
    blocks.append(_everything(run))
    text = (
        "Brackets hold 95% intervals: how far the figure could move if other users had "
        "asked. The best of a column is bold. Intervals of two models may overlap although their "
        "difference is certain, since both answer the same queries: look at the differences."
    )
    return Section("accuracy", "Accuracy", text, blocks)


def accuracy_tables(run: RunSummary) -> list[Table]:
    """Returns the chosen metrics of all models, and the model's lead over each baseline."""
    if not run.metrics:
        return []
    names = _headlines(list(next(iter(run.metrics.values()))))
    tables = [_metrics(run, names)]
    return [*tables, _differences(run, names)] if run.differences else tables


def _headlines(names: Sequence[str]) -> list[str]:
    """Returns few enough metrics for a table: some kinds, at 10 and 100 or the extreme ks."""
    ks = sorted({found[1] for found in map(cutoff, names) if found})
    chosen = [k for k in (10, 100) if k in ks] or ks[:1] + ks[1:][-1:]
    wanted = [f"{kind}_at_{k}" for kind in _KINDS for k in chosen]
    return [name for name in wanted if name in names] or list(names)[:6]


def _metrics(run: RunSummary, names: Sequence[str]) -> Table:
    best = {}
    for name in names:
        choose = min if name in _LESS_IS_BETTER else max
        found = (values[name] for values in run.metrics.values() if name in values)
        best[name] = choose(estimate(value).mean for value in found)
    rows = [
        [Cell(model)]
        + [
            cell(estimate(values[name]), strong=estimate(values[name]).mean == best[name])
            if name in values
            else Cell("")
            for name in names
        ]
        for model, values in run.metrics.items()
    ]
    return Table("Test part", ["", *map(metric_name, names)], rows)


def _differences(run: RunSummary, names: Sequence[str]) -> Table:
    model = next(iter(run.metrics))
    rows = [
        [Cell(f"{model} − {other}")]  # noqa: RUF001
        + [cell(estimate(values[name])) if name in values else Cell("") for name in names]
        for other, values in run.differences.items()
    ]
    return Table("Differences, query by query", ["", *map(metric_name, names)], rows)


def _curve(run: RunSummary, kind: str) -> Chart | None:
    lines = []
    for model, values in run.metrics.items():
        found = ((cutoff(name), value) for name, value in values.items())
        points = sorted((key[1], estimate(value)) for key, value in found if key and key[0] == kind)
        lines.append(Line(model, [k for k, _ in points], [value for _, value in points]))
    if min(len(line.x) for line in lines) < 3:
        return None
    word = metric_name(kind + "_at_k")
    first = lines[0]
    text = (
        f"{word} rises from {first.y[0].mean:.3f} at k = {first.x[0]} to {first.y[-1].mean:.3f} at "
        f"k = {first.x[-1]} for {first.name}; bands are 95% intervals."
    )
    title = f"{word} over the length of the list"
    return line_chart(f"curve-{kind}", title, text, lines, ("k", word), is_log=True)


def _everything(run: RunSummary) -> Table:
    names = list(dict.fromkeys(name for values in run.metrics.values() for name in values))
    rows = [
        [Cell(metric_name(name))]
        + [
            cell(estimate(values[name])) if name in values else Cell("")
            for values in run.metrics.values()
        ]
        for name in names
    ]
    return Table("All metrics", ["", *run.metrics], rows, is_folded=True)
