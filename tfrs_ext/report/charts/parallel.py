"""Parallel coordinates: every trial of a search as a line through its values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfrs_ext.report.blocks import Chart, Table
from tfrs_ext.report.estimates import number
from tfrs_ext.report.figures import GRID, INK, MUTED, SERIES, SURFACE, drawing

_BEST, _LOG_FROM = 3, 30.0
_TICK: dict[str, Any] = {
    "ha": "center",
    "color": MUTED,
    "fontsize": 9,
    "zorder": 5,  # Over the lines.
    "bbox": {"facecolor": SURFACE, "edgecolor": "none", "pad": 1.0, "alpha": 0.85},
}


def parallel_chart(
    key: str,
    title: str,
    text: str,
    columns: Mapping[str, Sequence[Any]],
    data: Table,
) -> Chart:
    """Draws the trials as lines from the first column down to the last, the best ones in colour.

    Args:
        key: The name by which the page finds the drawing.
        title: The chart's title.
        text: What to see in it.
        columns: `{name: values}`, one of each trial, best trial first; None where it has none.
        data: The numbers.
    """
    scales = {name: _Axis(values) for name, values in columns.items()}
    trials = len(next(iter(columns.values())))
    with drawing(key, title, text, height=0.7 + 0.58 * len(columns)) as result:
        axes = result.axes
        for row, scale in enumerate(scales.values()):
            axes.axhline(row, color=GRID, linewidth=1.2, zorder=1)
            for place, name in scale.ticks():
                axes.plot([place], [row], marker="|", color=MUTED, markersize=7, zorder=2)
                axes.text(place, row + 0.36, name, **_TICK)
        for trial in reversed(range(trials)):  # The best is drawn last, on top.
            places = [scales[name].place(values[trial]) for name, values in columns.items()]
            best = trial < _BEST
            axes.plot(
                places,
                range(len(columns)),
                color=SERIES[trial] if best else MUTED,
                alpha=1.0 if best else 0.35,
                linewidth=2.4 if trial == 0 else 1.4,
                marker="o" if best else None,  # A value between two gaps is seen, too.
                markersize=4,
                zorder=4 if best else 3,
                label=("best", "second", "third")[trial] if best else None,
            )
        axes.set_yticks(range(len(columns)), list(columns), color=INK)
        axes.set_xticks([])
        axes.set_xlim(-0.06, 1.06)
        axes.set_ylim(len(columns) - 0.4, -0.4)
        axes.grid(visible=False)
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
        axes.figure.legend(loc="outside upper right", ncols=3, reverse=True)
    return Chart(title, text, result.svg, data)


class _Axis:
    """Places of the values of one column between 0 and 1."""

    def __init__(self, values: Sequence[Any]) -> None:
        known = [value for value in values if value is not None]
        self._is_number = all(
            isinstance(v, (int, float)) and not isinstance(v, bool) for v in known
        )
        self._known = sorted(set(known)) if self._is_number else sorted(set(known), key=str)
        low, high = (self._known[0], self._known[-1]) if self._known else (0, 0)
        self._is_log = self._is_number and low > 0 and high / low >= _LOG_FROM
        few = len(self._known) <= 5
        self._is_listed = not self._is_number or (few and all(isinstance(v, int) for v in known))

    def place(self, value: float | str | None) -> float:
        """Returns where a value lies; NaN, a gap in the line, where there is none."""
        if value is None:
            return float("nan")
        if len(self._known) == 1:
            return 0.5
        if self._is_listed:
            return self._known.index(value) / (len(self._known) - 1)
        numbers = np.array([self._known[0], value, self._known[-1]], np.float64)
        low, middle, high = np.log(numbers) if self._is_log else numbers
        return float((middle - low) / (high - low))

    def ticks(self) -> list[tuple[float, str]]:
        """Returns the places to be named."""
        chosen = self._known if self._is_listed else {self._known[0], self._known[-1]}
        return [(self.place(value), number(value)) for value in chosen]
