"""A model card: what a published model is, how good, and what it isn't good for."""

import re
from collections.abc import Sequence

from tfrs_ext.report.blocks import Cell, Table
from tfrs_ext.report.estimates import number
from tfrs_ext.report.run_summary import RunSummary
from tfrs_ext.report.sections.accuracy import accuracy_tables
from tfrs_ext.report.sections.arms import arm_tables
from tfrs_ext.report.sections.fairness import group_tables, measure_tables
from tfrs_ext.report.sections.index import index_tables
from tfrs_ext.report.sections.origin import origin_tables
from tfrs_ext.report.verdict import verdict


def model_card(run: RunSummary) -> str:
    """Returns a run as a page of Markdown, to be kept beside the published model.

    Data and split, metrics with intervals beside those of the baselines, groups, limits, index,
    hyper-parameters, versions, seed and fingerprint: what the run has of them.

    Args:
        run: What to tell; its texts can't become markup.

    Returns:
        Markdown, as GitHub reads it.

    Relations:
        `render_report` draws the same and more. `serving.export(model_card=…)` keeps the text in
        the version, made from its finished manifest.

    Example:
        >>> print(model_card(RunSummary(title="Films", facts={"split": "by time"}, seed=1)))
        # Films
        <BLANKLINE>
        ## Data and protocol
        <BLANKLINE>
        - split: by time
        <BLANKLINE>
        ## Origin
        <BLANKLINE>
        **Marks**
        <BLANKLINE>
        | | |
        |---|---|
        | seed | 1 |
        <BLANKLINE>

    References:
        Mitchell et al.: Model Cards for Model Reporting, FAT* 2019.
    """
    facts = [f"- {_text(name)}: {_text(number(value))}" for name, value in run.facts.items()]
    origin = [_table(table) for table in origin_tables(run)]
    parts = [
        ("Data and protocol", ["\n".join(facts)] if facts else []),
        ("Accuracy", [_table(table) for table in accuracy_tables(run)]),
        (
            "Whom and what it serves",
            [_table(table) for table in (*group_tables(run), *measure_tables(run))],
        ),
        ("Arms", [_table(table) for table in arm_tables(run)]),
        ("Limits", ["\n".join(f"- {_text(limit)}" for limit in run.limits)] if run.limits else []),
        ("Index", [_table(table, has_caption=False) for table in index_tables(run)]),
        ("Origin", origin),
    ]
    blocks = [f"# {_text(run.title)}"]
    if sentence := verdict(run):
        blocks.append(_text(sentence))
    for title, texts in parts:
        blocks += [f"## {title}", *texts] if texts else []
    return "\n\n".join(blocks) + "\n"


def _table(table: Table, has_caption: bool = True) -> str:
    rows = [_row(list(map(_text, table.head))), "|" + "---|" * len(table.head)]
    rows += [_row([_cell(cell) for cell in row]) for row in table.rows]
    caption = f"**{_text(table.caption)}**\n\n" if has_caption else ""
    return caption + "\n".join(rows)


def _row(texts: Sequence[str]) -> str:
    return "|" + "|".join(f" {text} " if text else " " for text in texts) + "|"


def _cell(cell: Cell) -> str:
    text = _text(cell.text)
    if cell.strong and text:
        text = f"**{text}**"
    return f"{text} {_text(cell.note)}" if cell.note else text


def _text(value: object) -> str:
    """Escapes what Markdown or HTML would read as markup."""
    line = " ".join(str(value).split())
    if re.fullmatch(r"[0-9a-f]{16,}", line):
        return f"`{line}`"
    return re.sub(r"([\\`*_<>\[\]|~])", r"\\\1", line).replace("&", "&amp;").replace("://", ":\\//")
