"""The table of figures in docs/migration.md."""

import pathlib
from collections.abc import Mapping
from typing import NamedTuple

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "migration.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TOP = "factorized_top_k/top_100_categorical_accuracy"

Figures = Mapping[str, Mapping[str, float]]
"""The figures of each library by its name."""


class Row(NamedTuple):
    """A row of the table."""

    program: str
    tutorial: str
    figure: str
    measure: str


ROWS = (
    Row("basic_retrieval", "basic retrieval", TOP, "in the top 100"),
    Row("basic_ranking", "basic ranking", "rmse", "RMSE of ratings"),
    Row("featurization", "featurization", TOP, "in the top 100"),
    Row("deep_towers", "deep towers", TOP, "in the top 100"),
    Row("multi_task", "multi-task", TOP, "in the top 100"),
    Row("multi_task", "", "rmse", "RMSE of ratings"),
    Row("cross_network", "DCN", "rmse", "RMSE of ratings"),
    Row("listwise", "listwise", "ndcg", "NDCG of lists of 5"),
    Row("efficient_serving", "efficient serving", "recall of ScaNN", "ScaNN's recall at 10"),
    Row("sequential", "sequential", TOP, "in the top 100"),
)


def render(found: Mapping[str, Figures]) -> str:
    """Returns the table.

    Args:
        found: The figures of each program by its name, each of TFRS, of ours, and as advised
            where that makes a difference.
    """
    lines = [
        "| tutorial | measure | TFRS | ours in its place | as advised | seconds, TFRS | ours |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in ROWS:
        if row.program not in found:
            continue
        sides = list(found[row.program].values())
        figures = [f"{side[row.figure]:.3f}".lstrip("0") for side in sides]
        figures += [""] * (3 - len(figures))
        seconds = [_seconds(side) if row.tutorial else "" for side in sides[:2]]
        lines.append(f"| {' | '.join([row.tutorial, row.measure, *figures, *seconds])} |")
    return "\n".join(lines)


def _seconds(figures: Mapping[str, float]) -> str:
    parts = ("train", "evaluate")
    return " + ".join(f"{figures[f'seconds to {part}']:.0f}" for part in parts)


def write_table(found: Mapping[str, Figures], page: pathlib.Path = PAGE) -> None:
    """Puts the table in the place of the last one."""
    before, _, rest = page.read_text().partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{render(found)}\n{END}{rest.partition(END)[2]}")
