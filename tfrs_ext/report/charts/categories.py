"""Dots over a few ordered names, such as deciles of popularity."""

from collections.abc import Mapping

from tfrs_ext.evaluation import Interval
from tfrs_ext.report.blocks import Chart, Table, cell
from tfrs_ext.report.figures import DASHES, MARKERS, SERIES, drawing

_MANY = 4


def category_chart(
    key: str,
    title: str,
    text: str,
    values: Mapping[str, Mapping[str, Interval]],
    label: str,
) -> Chart:
    """Draws a dot for each series and category, with its interval; many are joined by lines.

    Args:
        key: The name by which the page finds the drawing.
        title: The chart's title.
        text: What to see in it.
        values: `{series: {category: value}}`.
        label: What the values are, for the axis.
    """
    names = list(dict.fromkeys(name for series in values.values() for name in series))
    width = 0.5 if len(names) < _MANY else 0.24
    with drawing(key, title, text) as result:
        for i, (series, points) in enumerate(values.items()):
            shift = width * (i - (len(values) - 1) / 2) / max(len(values), 1)
            places = [names.index(name) + shift for name in points]
            result.axes.plot(
                places,
                [value.mean for value in points.values()],
                color=SERIES[i % 6],
                marker=MARKERS[i % 6],
                linestyle=DASHES[i % 6] if len(names) >= _MANY else "none",
                linewidth=1.4,
                label=series,
            )
            low = [value.low for value in points.values()]
            high = [value.high for value in points.values()]
            result.axes.vlines(places, low, high, color=SERIES[i % 6], linewidth=1.4)
        result.axes.set_xticks(range(len(names)), names)
        result.axes.set_xlim(-0.5, len(names) - 0.5)
        result.axes.set_ylim(bottom=0)
        result.axes.set_ylabel(label)
        if len(values) > 1:
            result.axes.figure.legend(loc="outside upper left", ncols=4)
    rows = [
        [cell(name), *(cell(points.get(name, "")) for points in values.values())] for name in names
    ]
    return Chart(title, text, result.svg, Table(title, ["", *values], rows, is_folded=True))
