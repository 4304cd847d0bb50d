"""How settings of hyper-parameters compare over several seeds."""

import dataclasses
import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tfrs_ext.evaluation import Interval
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.typing import Config


@dataclasses.dataclass(frozen=True)
class Confirmation:
    """How settings of hyper-parameters compare over several seeds.

    Attributes:
        objective: The name of what was measured, such as `"val_ndcg_at_10"`.
        best: The values of the setting with the best mean.
        settings: An entry per setting, best mean first: `values`, `scores` by seed, `interval`,
            the mean of the scores with its `evaluation.Interval`, and `behind`, the interval of
            the paired difference to the best (None for the best itself; a setting whose interval
            holds 0 can't be told from it).
        seeds: The seeds that every setting was trained with.
        confidence: The share of cases in which an interval holds the true value, such as 0.95.
    """

    objective: str
    best: dict[str, Any]
    settings: tuple[dict[str, Any], ...]
    seeds: tuple[int, ...]
    confidence: float

    def get_config(self) -> Config:
        """Returns all of it as a JSON-able dict."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    def table(self) -> str:
        """Returns a Markdown table of the settings."""
        title = f"{self.objective} [{self.confidence:.0%} interval]"
        lines = [f"{title} | behind the best | values", "--- | --- | ---"]
        for entry in self.settings:
            behind = "" if entry["behind"] is None else str(entry["behind"])
            values = ", ".join(f"{name}={value}" for name, value in entry["values"].items())
            lines.append(f"{entry['interval']} | {behind} | {values}")
        return "\n".join(lines)


def compare(
    settings: Sequence[Mapping[str, Any]],
    scores: list[list[float]],
    objective: keras_tuner.Objective,
    seeds: tuple[int, ...],
    confidence: float,
) -> Confirmation:
    """Compares settings by the mean of their scores, and pairwise by seed.

    Args:
        settings: Hyper-parameters by name, one mapping per setting.
        scores: The scores of each setting, in the order of `seeds`.
        objective: The objective, whose direction says which mean is best.
        seeds: The seeds.
        confidence: The share of cases in which an interval holds the true value.
    """
    sign = -1 if objective.direction == "max" else 1
    order = sorted(range(len(settings)), key=lambda i: sign * statistics.fmean(scores[i]))
    best = scores[order[0]]
    entries: list[dict[str, Any]] = []
    for i in order:
        behind = [b - s for b, s in zip(best, scores[i], strict=True)]
        entries.append(
            {
                "values": dict(settings[i]),
                "scores": scores[i],
                "interval": Interval.of_repeats(scores[i], confidence),
                "behind": None if i == order[0] else Interval.of_repeats(behind, confidence),
            }
        )
    return Confirmation(objective.name, entries[0]["values"], tuple(entries), seeds, confidence)
