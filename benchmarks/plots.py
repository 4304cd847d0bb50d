"""Plots for the pages of docs, as SVG files that are the same for the same figures."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import matplotlib
import matplotlib.figure

FIGURES = pathlib.Path(__file__).parent.parent / "docs" / "images"
COLORS = ("#2563a8", "#c2541b", "#3a7d44", "#7b4fa3", "#8a6d1f", "#555555", "#b0306a")
_SETTINGS = {
    "svg.hashsalt": "tfrs_ext",
    "svg.fonttype": "none",  # Text stays text: it can be selected and searched.
    "font.size": 10,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": matplotlib.cycler(color=COLORS),
    "legend.frameon": False,
}


@contextlib.contextmanager
def plot(name: str, panels: int = 1, width: float = 8.4, height: float = 3.2) -> Iterator[Any]:
    """Gives a row of axes to draw on, and writes `docs/images/<name>.svg` when the block ends.

    Args:
        name: Of the file.
        panels: How many axes; more than one come as an array.
        width: The width in inches.
        height: The height in inches.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
        yield figure.subplots(1, panels)
        FIGURES.mkdir(parents=True, exist_ok=True)
        path = FIGURES / f"{name}.svg"
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(f"{line.rstrip()}\n" for line in lines), encoding="utf-8")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Returns a table in Markdown.

    Args:
        head: The columns' names.
        rows: The cells, as they are shown.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
