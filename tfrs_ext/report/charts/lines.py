"""Lines over a number, such as metrics over epochs or recall over k."""

import dataclasses
from collections.abc import Sequence

from tfrs_ext.evaluation import Interval
from tfrs_ext.report.blocks import Chart, Table, cell
from tfrs_ext.report.estimates import number
from tfrs_ext.report.figures import DASHES, INK, MARKERS, SERIES, drawing


@dataclasses.dataclass(frozen=True)
class Line:
    """One line.

    Args:
        name: The line's name, for the legend.
        x: Ascending.
        y: The values, as many as `x`; those with bounds get a band.
    """

    name: str
    x: Sequence[float]
    y: Sequence[Interval]


def line_chart(
    key: str,
    title: str,
    text: str,
    lines: Sequence[Line],
    labels: tuple[str, str],
    *,
    is_log: bool = False,
    marked: tuple[float, str] | None = None,
) -> Chart:
    """Draws lines, told apart by colour, dashes and markers.

    Args:
        key: The name by which the page finds the drawing.
        title: The chart's title.
        text: What to see in it.
        lines: At most six are told apart.
        labels: What the horizontal and the vertical axis show.
        is_log: Whether x is logarithmic, with a tick at each value.
        marked: A place on x with its words.
    """
    places = sorted({x for line in lines for x in line.x})
    with drawing(key, title, text) as result:
        axes = result.axes
        for i, line in enumerate(lines):
            _draw(axes, i, line)
        axes.set(xlabel=labels[0], ylabel=labels[1])
        if is_log:
            axes.set_xscale("log")
            axes.set_xticks(places, [number(place) for place in places])
            axes.xaxis.set_minor_locator(_no_ticks())
        elif all(place == int(place) for place in places):
            axes.xaxis.get_major_locator().set_params(integer=True)
        if marked is not None:
            axes.axvline(marked[0], color=INK, linewidth=1, linestyle=(0, (2, 2)))
            is_late = marked[0] > (places[0] + places[-1]) / 2
            side = {"ha": "right" if is_late else "left", "va": "bottom"}
            axes.text(marked[0], 1.0, marked[1], transform=axes.get_xaxis_transform(), **side)
        if len(lines) > 1:
            axes.figure.legend(loc="outside upper left", ncols=4)
    return Chart(title, text, result.svg, _table(title, lines, labels[0], places))


def _draw(axes: object, i: int, line: Line) -> None:
    color, i = SERIES[i % 6], i % 6
    means = [y.mean for y in line.y]
    axes.plot(  # type: ignore[attr-defined]
        line.x, means, color=color, marker=MARKERS[i], linestyle=DASHES[i], label=line.name
    )
    if any(y.has_bounds for y in line.y):
        low, high = [y.low for y in line.y], [y.high for y in line.y]
        axes.fill_between(line.x, low, high, color=color, alpha=0.15, linewidth=0)  # type: ignore[attr-defined]


def _no_ticks() -> object:
    import matplotlib.ticker

    return matplotlib.ticker.NullLocator()


def _table(title: str, lines: Sequence[Line], head: str, places: Sequence[float]) -> Table:
    columns = [dict(zip(line.x, line.y, strict=True)) for line in lines]
    rows = [
        [cell(x), *(cell(column[x]) if x in column else cell("") for column in columns)]
        for x in places
    ]
    return Table(title, [head, *(line.name for line in lines)], rows, is_folded=True)
