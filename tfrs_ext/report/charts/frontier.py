"""What an index trades: recall against time."""

from collections.abc import Mapping, Sequence
from typing import Any

from tfrs_ext.report.blocks import Chart, Table, cell
from tfrs_ext.report.estimates import number
from tfrs_ext.report.figures import INK, SERIES, drawing


def frontier_chart(
    key: str,
    title: str,
    text: str,
    points: Sequence[Mapping[str, Any]],
    chosen: Mapping[str, Any] | None,
) -> Chart:
    """Draws settings by recall and milliseconds a query, with a ring around the chosen one.

    Args:
        key: The name by which the page finds the drawing.
        title: The chart's title.
        text: What to see in it.
        points: Records with `recall` and `milliseconds`, by rising recall.
        chosen: One of them, or None.
    """
    recall = [point["recall"] for point in points]
    times = [point["milliseconds"] for point in points]
    with drawing(key, title, text) as result:
        axes = result.axes
        axes.plot(recall, times, color=SERIES[0], marker="o", drawstyle="steps-pre")
        if chosen is not None:
            x, y = chosen["recall"], chosen["milliseconds"]
            axes.plot([x], [y], "o", markersize=13, fillstyle="none", color=INK, markeredgewidth=2)
            axes.annotate(
                f"chosen: {number(x)}, {number(y)} ms", (x, y), (-10, 14), ha="right",
                textcoords="offset points", color=INK,
            )  # fmt: skip
        axes.set(xlabel="recall", ylabel="milliseconds a query")
        axes.set_ylim(bottom=0)
        axes.margins(y=0.15)
        axes.set_xlim(right=min(axes.get_xlim()[1], 1.005))
    head = list(dict.fromkeys(name for point in points for name in point))
    rows = [
        [cell(point.get(name, ""), strong=point is chosen) for name in head] for point in points
    ]
    names = [name.replace("_", " ") for name in head]
    return Chart(title, text, result.svg, Table(title, names, rows, is_folded=True))
