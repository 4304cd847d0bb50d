"""The pieces that a section of the page is made of."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from tfrs_ext.evaluation import Interval
from tfrs_ext.report.estimates import bounds_text, decimal, number


class Cell(NamedTuple):
    """A cell of a table: its text, what stands small under it, and whether it stands out."""

    text: str
    note: str = ""
    strong: bool = False


def cell(value: object, strong: bool = False) -> Cell:
    """Returns a value as a cell."""
    if isinstance(value, Interval):
        return Cell(decimal(value.mean), bounds_text(value), strong)
    return Cell(number(value), "", strong)


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows under a head; the first column holds names.

    Args:
        caption: What it shows.
        head: One name a column.
        rows: Cells.
        is_folded: Whether the reader has to open it.
    """

    kind: ClassVar[str] = "table"
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    is_folded: bool = False


@dataclasses.dataclass(frozen=True)
class Chart:
    """A drawing with its words.

    Args:
        title: What it shows.
        text: What a reader who doesn't see it should know; also under the drawing.
        svg: The drawing, safe to put into a page.
        data: Its numbers.
    """

    kind: ClassVar[str] = "chart"
    title: str
    text: str
    svg: str
    data: Table


@dataclasses.dataclass(frozen=True)
class Samples:
    """Lists of recommendations.

    Args:
        samples: What to look at, in the form of `RunSummary.samples`.
    """

    kind: ClassVar[str] = "samples"
    samples: Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        key: Its anchor.
        title: Its heading.
        text: Its first paragraph, for readers who want to know how to read the rest.
        blocks: Tables, charts and samples.
    """

    key: str
    title: str
    text: str
    blocks: Sequence[Table | Chart | Samples]
