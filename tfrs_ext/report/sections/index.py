"""The published index: what it is, what it finds, and what else it could have been."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfrs_ext.report.blocks import Cell, Chart, Section, Table, cell
from tfrs_ext.report.charts.frontier import frontier_chart
from tfrs_ext.report.estimates import number
from tfrs_ext.report.run_summary import RunSummary


def index_section(run: RunSummary) -> Section | None:
    """Returns the frontier of recall and latency, and the facts about the index."""
    if not run.index:
        return None
    points = sorted(run.index.get("frontier") or (), key=lambda point: point["recall"])
    blocks: list[Table | Chart] = []
    if len(points) > 1:
        chosen = _chosen(run.index, points)
        text = (
            f"{len(points)} settings that no other beats in both recall and time, from recall "
            f"{number(points[0]['recall'])} in {number(points[0]['milliseconds'])} ms a query to "
            f"{number(points[-1]['recall'])} in {number(points[-1]['milliseconds'])} ms."
        )
        blocks.append(frontier_chart("frontier", "Recall and latency", text, points, chosen))
    blocks += index_tables(run)
    text = (
        "Recall is the share of the true best items, by all scores, that the index returns."
        if points
        else "An exact index scores every item, so there is nothing to trade."
        if run.index.get("exact")
        else ""
    )
    return Section("index", "Index", text, blocks)


def index_tables(run: RunSummary) -> list[Table]:
    """Returns the facts about the index."""
    facts = {name: value for name, value in run.index.items() if name != "frontier"}
    rows = [[Cell(name.replace("_", " ")), cell(value)] for name, value in facts.items()]
    return [Table("Index", ["", ""], rows)] if rows else []


def _chosen(
    facts: Mapping[str, Any], points: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Returns the point whose settings are the index's."""
    measured = ("recall", "milliseconds")
    for point in points:
        settings = {name: value for name, value in point.items() if name not in measured}
        if settings and all(facts.get(name) == value for name, value in settings.items()):
            return point
    return None
