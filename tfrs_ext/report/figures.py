"""Matplotlib figures as SVG that follows the page's colours and can be read aloud."""

import contextlib
import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

# Colours that matplotlib writes and the page replaces: `var(--series-0)` and the like.
SERIES = tuple(f"#a0000{i}" for i in range(6))
INK, MUTED, GRID, SURFACE = "#b00001", "#b00002", "#b00003", "#b00004"
_NAMES = {
    **{color: f"var(--series-{i})" for i, color in enumerate(SERIES)},
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    SURFACE: "var(--surface)",
}
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (3, 1)), (0, (8, 2)))
_SETTINGS = {
    "svg.fonttype": "none",  # Text stays text: it can be selected, and takes the page's font.
    "svg.hashsalt": "tfrs_ext",
    "font.size": 11,
    "text.color": INK,
    "text.parse_math": False,  # A name with two dollars in it isn't a formula.
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


class Drawing:
    """One figure while it is drawn; `svg` is there when the block ends.

    Attributes:
        axes: matplotlib's.
        svg: The text of the drawing.
    """

    axes: Any
    svg: str = ""


@contextlib.contextmanager
def drawing(
    key: str, title: str, text: str, width: float = 7.2, height: float = 3.6
) -> Iterator[Drawing]:
    """Draws on axes with the page's settings, whatever the user's are.

    Args:
        key: Begins the ids in the SVG; another for each drawing of a page.
        title: Its accessible name.
        text: Its accessible description.
        width: The width in inches of 72 points.
        height: The height in inches of 72 points.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context(), warnings.catch_warnings():
        # Its fonts measure the text, the reader's draw it.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        figure = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
        result = Drawing()
        result.axes = figure.subplots()
        yield result
        # Arranged here: `savefig` would draw everything once more before it arranges.
        matplotlib.backends.backend_svg.FigureCanvasSVG(figure)
        figure.get_layout_engine().execute(figure)
        figure.set_layout_engine(None)
        buffer = io.BytesIO()
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=metadata)
    result.svg = _inline(buffer.getvalue(), key, title, text)


def _matplotlib() -> Any:
    try:
        import matplotlib.backends.backend_svg
        import matplotlib.figure
    except ImportError as error:
        raise ImportError(
            'A report is drawn by matplotlib: `pip install "tfrs-ext[report]"`.'
        ) from error
    return matplotlib


def _inline(source: bytes, key: str, title: str, text: str) -> str:
    """Returns an `svg` element for HTML: named, described, scalable, in the page's colours."""
    root = ET.fromstring(source)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for element in root.iter():
        _strip(element)
    used = set(re.findall(r"(?:url\(#|href=\"#)([\w.-]+)", ET.tostring(root, "unicode")))
    for element in root.iter():
        _rename(element, used, key)
    for name in ("width", "height"):
        root.attrib.pop(name)
    root.attrib.update({"role": "img", "aria-labelledby": f"{key}-title {key}-desc"})
    for name, words in (("desc", text), ("title", title)):
        element = ET.Element(name, {"id": f"{key}-{name}"})
        element.text = words
        root.insert(0, element)
    return ET.tostring(root, "unicode")


def _strip(element: ET.Element) -> None:
    """Takes off namespaces, which HTML lacks, fonts, and digits that nobody sees."""
    element.tag = element.tag.rpartition("}")[2]
    for name in list(element.attrib):
        value = element.attrib.pop(name)
        if name == "style":
            value = re.sub(r"font-family: [^;]*(;|$)", "", value)
            value = re.sub("#[ab]0000[0-9]", lambda found: _NAMES[found[0]], value)
        else:
            value = re.sub(r"(\.\d\d)\d+", r"\1", value)
        element.attrib[name.rpartition("}")[2]] = value


def _rename(element: ET.Element, used: set[str], key: str) -> None:
    """Keeps the ids that are referred to, unique in a page of several drawings."""
    own = element.attrib.pop("id", None)
    if own in used:
        element.attrib["id"] = f"{key}-{own}"
    for name, value in element.attrib.items():
        value = value.replace("url(#", f"url(#{key}-")
        if name == "href":
            value = value.replace("#", f"#{key}-", 1)
        element.attrib[name] = value
