"""Where everything came from, so that it can be made again."""

from collections.abc import Mapping
from typing import Any

from tfrs_ext.report.blocks import Cell, Section, Table, cell
from tfrs_ext.report.run_summary import RunSummary


def origin_section(run: RunSummary) -> Section | None:
    """Returns the limits, and what is needed to make the run again."""
    blocks = origin_tables(run)
    if not blocks and not run.limits:
        return None
    if run.limits:
        rows = [[Cell(str(limit))] for limit in run.limits]
        blocks.insert(0, Table("What the figures don't say", [""], rows))
    return Section("origin", "Limits and origin", "", blocks)


def origin_tables(run: RunSummary) -> list[Table]:
    """Returns hyper-parameters, versions, seed and fingerprint."""
    marks = {"seed": run.seed, "fingerprint": run.fingerprint or None}
    tables = [
        _table("Hyper-parameters", run.hyperparameters),
        _table("Versions", run.versions),
        _table("Marks", {name: value for name, value in marks.items() if value is not None}),
    ]
    return [table for table in tables if table.rows]


def _table(caption: str, values: Mapping[str, Any]) -> Table:
    rows = [[Cell(str(name).replace("_", " ")), cell(value)] for name, value in values.items()]
    return Table(caption, ["", ""], rows)
