"""How candidates compare over several seeds."""

import dataclasses
import importlib
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Interval = tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Confirmation:
    """How candidates compare over several seeds.

    Attributes:
        objective: Such as `"val_ndcg_at_10"`.
        best: The values of the candidate with the best mean.
        rows: A row per candidate, best mean first: `values`, `scores` by seed, `mean`, `interval`
            of the mean, `behind`: the interval of the paired difference to the best (None for the
            best itself; an interval that holds 0 can't be told from it).
        seeds: The seeds.
        confidence: Of the intervals.
    """

    objective: str
    best: dict[str, Any]
    rows: tuple[dict[str, Any], ...]
    seeds: tuple[int, ...]
    confidence: float

    def get_config(self) -> dict[str, Any]:
        """Returns all of it as a JSON-able dict."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def table(self) -> str:
        """Returns a Markdown table of the candidates."""
        lines = [f"{self.objective} | {self.confidence:.0%} interval | behind the best | values"]
        lines.append("--- | --- | --- | ---")
        for row in self.rows:
            behind = "" if row["behind"] is None else _text(row["behind"])
            values = ", ".join(f"{name}={value}" for name, value in row["values"].items())
            lines.append(f"{row['mean']:.4f} | {_text(row['interval'])} | {behind} | {values}")
        return "\n".join(lines)


def _text(interval: Interval) -> str:
    return f"{interval[0]:.4f} to {interval[1]:.4f}"


def compare(
    candidates: Sequence[Mapping[str, Any]],
    scores: list[list[float]],
    objective: Any,
    seeds: tuple[int, ...],
    confidence: float,
) -> Confirmation:
    """Compares candidates by the mean of their scores, and pairwise by seed.

    Args:
        candidates: Hyper-parameters by name.
        scores: Of each candidate, by seed.
        objective: Whose direction tells which is best.
        seeds: The seeds.
        confidence: Of the intervals.
    """
    sign = -1 if objective.direction == "max" else 1
    order = sorted(range(len(candidates)), key=lambda i: sign * statistics.fmean(scores[i]))
    best = scores[order[0]]
    rows: list[dict[str, Any]] = []
    for i in order:
        behind = [b - s for b, s in zip(best, scores[i], strict=True)]
        rows.append(
            {
                "values": dict(candidates[i]),
                "scores": scores[i],
                "mean": statistics.fmean(scores[i]),
                "interval": _interval(scores[i], confidence),
                "behind": None if i == order[0] else _interval(behind, confidence),
            }
        )
    return Confirmation(objective.name, rows[0]["values"], tuple(rows), seeds, confidence)


def _interval(values: Sequence[float], confidence: float) -> Interval:
    stats: Any = importlib.import_module("scipy.stats")
    mean, number = statistics.fmean(values), len(values)
    quantile = float(stats.t.ppf((1 + confidence) / 2, number - 1))
    half = quantile * statistics.stdev(values) / math.sqrt(number)
    return mean - half, mean + half
