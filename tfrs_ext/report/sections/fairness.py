"""Whom and what the model serves: groups of users and items, exposure, surprise."""

from tfrs_ext.report.blocks import Cell, Chart, Section, Table, cell
from tfrs_ext.report.charts.categories import category_chart
from tfrs_ext.report.estimates import estimate
from tfrs_ext.report.run_summary import RunSummary


def fairness_section(run: RunSummary) -> Section | None:
    """Returns the charts of groups and the table of measures beyond accuracy."""
    if not run.groups and not run.measures:
        return None
    blocks: list[Table | Chart] = []
    for i, (title, models) in enumerate(run.groups.items()):
        values = {
            model: {str(group): estimate(value) for group, value in points.items()}
            for model, points in models.items()
        }
        first = next(iter(values), "")
        points = values.get(first, {})
        names = list(points)
        text = ""
        if len(names) > 1:
            text = (
                f"For {first}: {points[names[0]].mean:.3f} for {names[0]}, "
                f"{points[names[-1]].mean:.3f} for {names[-1]}."
            )
        if any(value.has_bounds for value in points.values()):
            text += " Bars are 95% intervals."
        blocks.append(category_chart(f"group-{i}", title, text, values, ""))
    blocks += measure_tables(run)
    text = (
        "A mean over all queries hides who pays for it: a model that lives off popular items is "
        "good for them alone."
    )
    return Section("fairness", "Whom and what it serves", text, blocks)


def measure_tables(run: RunSummary) -> list[Table]:
    """Returns the measures beyond accuracy of all models."""
    if not run.measures:
        return []
    names = list(dict.fromkeys(name for values in run.measures.values() for name in values))
    rows = [
        [Cell(name)] + [cell(values.get(name, "")) for values in run.measures.values()]
        for name in names
    ]
    return [Table("Beyond accuracy", ["", *run.measures], rows)]


def group_tables(run: RunSummary) -> list[Table]:
    """Returns what the charts of the groups show."""
    tables = []
    for title, models in run.groups.items():
        names = list(dict.fromkeys(str(name) for points in models.values() for name in points))
        texts = [{str(name): value for name, value in points.items()} for points in models.values()]
        rows = [
            [Cell(name)]
            + [cell(estimate(points[name])) if name in points else Cell("") for points in texts]
            for name in names
        ]
        tables.append(Table(title, ["", *models], rows))
    return tables
