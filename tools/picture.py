"""Draws the picture of the architecture in README: `python tools/picture.py`.

Boxes have colours of their own, and lines are grey, so that it is read on light and dark pages.
"""

import pathlib
from typing import NamedTuple
from xml.sax.saxutils import escape

PICTURE = pathlib.Path(__file__).parents[1] / "docs" / "images" / "architecture.svg"
WIDTH, HEIGHT = 960, 424
BOX, GAP, TOP = 210, 32, 84
INK, GREY = "#1f2937", "#7b8794"


class Room(NamedTuple):
    """A column of the picture: what is done, and with which packages."""

    title: str
    fill: str
    edge: str
    packages: tuple[tuple[str, str], ...]


ROOMS = (
    Room(
        "your data",
        "#e0ecff",
        "#5b8def",
        (
            ("data", "pandas, CSV, Parquet; splits"),
            ("features", "ids, text, times, histories"),
            ("frequencies", "how often items occur"),
        ),
    ),
    Room(
        "train",
        "#e3f6e8",
        "#43a268",
        (
            ("models", "two towers, DSSM, DIN, DCN"),
            ("negatives", "in batch, drawn, hard, mixed"),
            ("losses", "corrected logQ, lists, pairs"),
            ("tasks", "TFRS's seams, one kernel"),
        ),
    ),
    Room(
        "judge and tune",
        "#fff0d9",
        "#d58f2b",
        (
            ("tuning", "keras-tuner searches"),
            ("evaluation", "exact ranks, intervals"),
            ("baselines", "what counting achieves"),
            ("report", "a page for each run"),
        ),
    ),
    Room(
        "serve",
        "#f4e6fb",
        "#9a5fc4",
        (
            ("indexes", "exact, quantized, ScaNN"),
            ("stages", "retrieve, then rank"),
            ("reranking", "rules, diversity"),
            ("serving", "SavedModels, TF Serving, REST"),
        ),
    ),
)
BELOW = "TensorFlow   ·   Keras 2   ·   TensorFlow Recommenders   ·   keras-tuner   ·   ScaNN"
ABOVE = "recipes:  tune  →  train  →  export  →  query,  one command each, or all"


def text(x: float, y: float, words: str, size: int = 14, **attributes: str) -> str:
    """Returns a line of text.

    Args:
        x: Where it begins, or its middle with `text_anchor="middle"`.
        y: Its base line.
        words: What it says.
        size: Of the letters.
        **attributes: More attributes of SVG, with underscores.
    """
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x}" y="{y}" font-size="{size}"{more}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, fill: str, edge: str) -> str:
    """Returns a box with round corners."""
    place = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="10"'
    return f'<rect {place} fill="{fill}" stroke="{edge}" stroke-width="1.5"/>'


def draw_room(room: Room, x: float) -> list[str]:
    """Returns a column: its box, its title, and a line for each package and what it is for."""
    parts = [box(x, TOP, BOX, 262, room.fill, room.edge)]
    parts.append(text(x + 14, TOP + 28, room.title, 17, font_weight="600"))
    for place, (name, purpose) in enumerate(room.packages):
        y = TOP + 62 + 52 * place
        parts.append(text(x + 14, y, name, 15, font_family="ui-monospace, Menlo, monospace"))
        parts.append(text(x + 14, y + 19, purpose, 12, fill="#4b5563"))
    return parts


def draw_arrow(x: float) -> str:
    """Returns an arrow from one column to the next."""
    y, end = TOP + 131, x + GAP - 6
    line = f'<path d="M{x + 5} {y}H{end}" stroke="{GREY}" stroke-width="2.5"/>'
    return line + f'<path d="M{end - 7} {y - 6}L{end + 1} {y}L{end - 7} {y + 6}Z" fill="{GREY}"/>'


def draw_strip(y: float, words: str) -> list[str]:
    """Returns a box over the whole width."""
    middle = text(WIDTH / 2, y + 27, words, 15, text_anchor="middle", xml__space="preserve")
    return [box(12, y, WIDTH - 24, 42, "#eef1f5", GREY), middle.replace("xml--space", "xml:space")]


def draw() -> str:
    """Returns the picture."""
    parts = draw_strip(20, ABOVE)
    for place, room in enumerate(ROOMS):
        x = 12 + place * (BOX + GAP)
        parts += draw_room(room, x)
        if place < len(ROOMS) - 1:
            parts.append(draw_arrow(x + BOX))
    parts += draw_strip(TOP + 284, BELOW)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif" '
        f'fill="{INK}">'
    )
    title = "<title>From your data to a server: the packages of tfrs_ext</title>"
    return "\n".join([head, title, *parts, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw())
