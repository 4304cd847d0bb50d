"""Where a search stands: trial i of n, the best so far, and what is left."""

import dataclasses
import math
import statistics
from collections.abc import Callable
from typing import Any

from tfrs_ext.tuning._ledger import Ledger
from tfrs_ext.tuning.result import name_of, rows_of


@dataclasses.dataclass(frozen=True)
class Limits:
    """When no further trial begins.

    Attributes:
        trials: The number of trials begun in all, or None.
        seconds: The time of all trials, summed over processes and resumed runs, or None.
    """

    trials: int | None = None
    seconds: float | None = None

    def reached(self, ledger: Ledger, begun: int) -> bool:
        """Returns whether the next trial must not begin: it would not end within the limits."""
        if self.trials is not None and begun >= self.trials:
            return True
        if self.seconds is None:
            return False
        past = [record.seconds for record in ledger.finished()]
        expected = statistics.median(past) if past else 0.0
        return begun > 0 and ledger.seconds() + expected > self.seconds

    def left(self, ledger: Ledger) -> float | None:
        """Returns the seconds that remain, or None where there is no limit."""
        return None if self.seconds is None else self.seconds - ledger.seconds()


def planned_trials(oracle: Any) -> int | None:
    """Returns how many trials an oracle wants to run: `max_trials`, or Hyperband's brackets."""
    if not hasattr(oracle, "hyperband_iterations"):
        return oracle.max_trials
    if math.isinf(oracle.hyperband_iterations):
        return None
    brackets = range(oracle._get_num_brackets())
    sizes = [oracle._get_size(b, r) for b in brackets for r in range(oracle._get_num_rounds(b))]
    return oracle.hyperband_iterations * sum(sizes)


def duration(seconds: float) -> str:
    """Returns a time as people write it: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class Progress:
    """Tells what a search does, a line at the begin and the end of each trial.

    Args:
        tell: Takes a line, such as `print`.
        ledger: Of the search.
        objective: keras-tuner's objective.
        limits: Of the search.
        planned: Trials that the tuner wants to run, or None where it cannot be known.
    """

    def __init__(
        self,
        tell: Callable[[str], Any],
        ledger: Ledger,
        objective: Any,
        limits: Limits,
        planned: int | None,
    ) -> None:
        self.tell, self.ledger, self.objective, self.limits = tell, ledger, objective, limits
        known = [number for number in (planned, limits.trials) if number is not None]
        self.total = min(known) if known else None

    def _name(self, trial_id: str) -> str:
        return f"{name_of(trial_id)} of {self.total}" if self.total else name_of(trial_id)

    def begin(self, trial: Any) -> None:
        """Says which values the trial tries."""
        values = trial.hyperparameters.values.items()
        shown = (f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in values)
        self.tell(f"{self._name(trial.trial_id)}: {', '.join(shown)}")

    def end(self, trial_id: str) -> None:
        """Says how the trial went, what is best so far, and what is left."""
        rows = rows_of(self.ledger, self.objective.direction == "max")
        row = next(row for row in rows if row["trial"] == trial_id)
        took = f"{self._name(trial_id)}: {duration(row['seconds'])}"
        if row["score"] is None:
            reason = (row["error"] or "").strip().splitlines()
            self.tell(f"{took}, {row['status'].lower()}: {reason[-1] if reason else 'unknown'}")
            return
        stopped = f", stopped ({row['stopped']})" if row["stopped"] else ""
        best = f"best {rows[0]['score']:.4f} in {name_of(rows[0]['trial'])}"
        name = self.objective.name
        self.tell(f"{took}{stopped}, {name} {row['score']:.4f} ({best}){self._left(len(rows))}")

    def _left(self, begun: int) -> str:
        past = [record.seconds for record in self.ledger.finished()]
        bounds = []
        if self.total is not None and past:
            bounds.append((self.total - begun) * statistics.fmean(past))
        if (seconds := self.limits.left(self.ledger)) is not None:
            bounds.append(seconds)
        return f", about {duration(max(0.0, min(bounds)))} left" if bounds else ""
