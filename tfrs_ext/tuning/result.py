"""What a search found: the best hyper-parameters and every trial, ready for JSON and print."""

import dataclasses
import math
from typing import Any

from tfrs_ext.files import read_json, write_json
from tfrs_ext.tuning.trials.records import TrialRecord, TrialRecords
from tfrs_ext.typing import Config, PathLike

_OF_THE_TUNER = "tuner/"


@dataclasses.dataclass(frozen=True)
class SearchResult:
    """The outcome of `search`.

    Attributes:
        objective: What was searched for, such as `"val_ndcg_at_10"`.
        direction: `"max"` or `"min"`.
        score: The best trial's objective.
        best: The best trial's hyper-parameters by name.
        best_epoch: Epochs that the best trial had trained at its best; None where the hypermodel
            reports no value per epoch.
        trials: An entry per trial, best first, failed and interrupted ones last: `trial`, `status`,
            `score`, `best_epoch`, `epochs`, `curve`, `seconds`, `stopped`, `error`, `values`. The
            curve holds pairs of an epoch and the objective after it; a trial of Hyperband that
            goes on where another ended begins with a later epoch.

    Example:
        >>> from tfrs_ext.tuning import SearchResult
        >>> row = {"trial": "0", "status": "COMPLETED", "score": 0.25, "best_epoch": 1,
        ...        "epochs": 2, "seconds": 3.0, "stopped": None, "error": None,
        ...        "values": {"embedding_dim": 32}}
        >>> result = SearchResult("val_ndcg_at_10", "max", 0.25, row["values"], 1, (row,))
        >>> print(result.table())
        trial | val_ndcg_at_10 | epochs | seconds | stopped | embedding_dim
        ----- | -------------- | ------ | ------- | ------- | -------------
        0     | 0.2500         | 1/2    | 3.0     |         | 32
    """

    objective: str
    direction: str
    score: float
    best: dict[str, Any]
    best_epoch: int | None
    trials: tuple[dict[str, Any], ...]

    def get_config(self) -> Config:
        """Returns all of it as a JSON-able dict."""
        return {**dataclasses.asdict(self), "trials": list(self.trials)}

    def save(self, path: PathLike) -> None:
        """Writes `get_config()` as JSON, whole or not at all."""
        write_json(path, self.get_config())

    @classmethod
    def load(cls, path: PathLike) -> "SearchResult":
        """Reads what `save` wrote; raises FileNotFoundError where there is no such file."""
        config = read_json(path)
        if config is None:
            raise FileNotFoundError(f"`path` must be a file that `save` wrote, received {path}.")
        return cls(**{**config, "trials": tuple(config["trials"])})

    def table(self, rows: int = 10) -> str:
        """Returns the best `rows` trials as a Markdown table."""
        shown = self.trials[:rows]
        names = sorted({name for row in shown for name in row["values"]})
        head = ["trial", self.objective, "epochs", "seconds", "stopped", *names]
        cells = [head, *([*_facts(row), *_values(row, names)] for row in shown)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        cells.insert(1, ["-" * width for width in widths])
        lines = (
            " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            for line in cells
        )
        return "\n".join(line.rstrip() for line in lines)


def _facts(row: dict[str, Any]) -> list[str]:
    score = row["status"].lower() if row["score"] is None else f"{row['score']:.4f}"
    epochs = "" if row["best_epoch"] is None else f"{row['best_epoch']}/{row['epochs']}"
    return [row["trial"], score, epochs, f"{row['seconds']:.1f}", row["stopped"] or ""]


def _values(row: dict[str, Any], names: list[str]) -> list[str]:
    def text(value: object) -> str:
        return f"{value:.4g}" if isinstance(value, float) else str(value)

    return [text(row["values"][name]) if name in row["values"] else "" for name in names]


def find_first_error(records: TrialRecords) -> str | None:
    """Returns the error of the first trial that has one."""
    trials = sorted(list_trials(records, maximize=True), key=lambda trial: str(trial["trial"]))
    errors = (f"{trial_name(t['trial'])}: {t['error']}" for t in trials if t["error"])
    return next(errors, None)


def trial_name(trial_id: str) -> str:
    """Returns what people call a trial: keras-tuner's ids count from zero."""
    return f"trial {int(trial_id) + 1 if trial_id.isdigit() else trial_id}"


def list_trials(records: TrialRecords, maximize: bool) -> tuple[dict[str, Any], ...]:
    """Returns an entry per trial, best first.

    Args:
        records: The records of the search's trials.
        maximize: Whether larger scores are better.
    """
    trials = [
        _describe(state, records.read(state["trial_id"]), maximize)
        for state in records.read_states()
    ]

    def rank(trial: dict[str, Any]) -> float:
        if trial["score"] is None:
            return math.inf
        return -trial["score"] if maximize else trial["score"]

    return tuple(sorted(trials, key=rank))


def _describe(state: dict[str, Any], record: TrialRecord, maximize: bool) -> dict[str, Any]:
    values = state["hyperparameters"]["values"]
    completed = state["status"] == "COMPLETED" and math.isfinite(state["score"])
    best = None
    if record.values:
        choose = max if maximize else min
        best = record.epochs[record.values.index(choose(record.values))]
    return {
        "trial": state["trial_id"],
        "status": state["status"],
        "score": state["score"] if completed else None,
        "best_epoch": best,
        "epochs": record.epochs[-1] if record.epochs else None,
        "curve": [list(pair) for pair in zip(record.epochs, record.values, strict=True)],
        "seconds": record.seconds,
        "stopped": record.stopped,
        "error": state["message"] or record.error,
        "values": {k: v for k, v in values.items() if not k.startswith(_OF_THE_TUNER)},
    }
