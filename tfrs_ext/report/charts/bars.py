"""Horizontal bars, largest first, with room for long names."""

from collections.abc import Mapping

from tfrs_ext.evaluation import Interval
from tfrs_ext.report.blocks import Chart, Table, cell
from tfrs_ext.report.figures import INK, SERIES, drawing


def bar_chart(key: str, title: str, text: str, values: Mapping[str, Interval], label: str) -> Chart:
    """Draws a bar for each name, with its interval.

    Args:
        key: The name by which the page finds the drawing.
        title: The chart's title.
        text: What to see in it.
        values: The intervals by the names of their bars.
        label: What the values are, for the axis.
    """
    ordered = sorted(values.items(), key=lambda pair: -pair[1].mean)
    names, points = [name for name, _ in ordered], [value for _, value in ordered]
    with drawing(key, title, text, height=0.9 + 0.32 * len(names)) as result:
        places = range(len(names))
        result.axes.barh(places, [value.mean for value in points], height=0.6, color=SERIES[0])
        low, high = [value.low for value in points], [value.high for value in points]
        result.axes.hlines(places, low, high, color=INK, linewidth=1.2)
        result.axes.set_yticks(places, names)
        result.axes.invert_yaxis()
        result.axes.grid(visible=False, axis="y")
        result.axes.set_xlabel(label)
    rows = [[cell(name), cell(value)] for name, value in ordered]
    return Chart(title, text, result.svg, Table(title, ["", label], rows, is_folded=True))
