"""Where a search stands: trial i of n, the best so far, and what is left."""

import statistics

from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.result import list_trials, trial_name
from tfrs_ext.tuning.trials.limits import SearchLimits
from tfrs_ext.tuning.trials.records import TrialRecords
from tfrs_ext.typing import PrintFn

_Fixed = keras_tuner.engine.hyperparameters.Fixed


def format_duration(seconds: float) -> str:
    """Returns a time as people write it: `45 s`, `3 min 20 s`, `2 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class SearchProgress:
    """Says what a search does, a line at the begin and the end of each trial.

    Args:
        print_fn: Takes a line, such as `print`.
        records: The records of the search's trials.
        objective: keras-tuner's objective.
        limits: The limits of the search.
        planned: Trials that the tuner wants to run, or None where it cannot be known.
    """

    def __init__(
        self,
        print_fn: PrintFn,
        records: TrialRecords,
        objective: keras_tuner.Objective,
        limits: SearchLimits,
        planned: int | None,
    ) -> None:
        self.print_fn, self.records, self.objective, self.limits = (
            print_fn,
            records,
            objective,
            limits,
        )
        known = [number for number in (planned, limits.trials) if number is not None]
        self.total = min(known) if known else None

    def _name(self, trial_id: str) -> str:
        return f"{trial_name(trial_id)} of {self.total}" if self.total else trial_name(trial_id)

    def begin(self, trial: "keras_tuner.engine.trial.Trial") -> None:
        """Says which values the trial tries, but for those that all trials have."""
        space = trial.hyperparameters.space
        fixed = {part.name for part in space if isinstance(part, _Fixed)}
        values = [(k, v) for k, v in trial.hyperparameters.values.items() if k not in fixed]
        shown = (f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in values)
        self.print_fn(f"{self._name(trial.trial_id)}: {', '.join(shown)}")

    def end(self, trial_id: str) -> None:
        """Says how the trial went, what is best so far, and what is left."""
        trials = list_trials(self.records, self.objective.direction == "max")
        trial = next(trial for trial in trials if trial["trial"] == trial_id)
        took = f"{self._name(trial_id)}: {format_duration(trial['seconds'])}"
        if trial["score"] is None:
            reason = ((trial["error"] or "").strip() or "unknown").splitlines()[-1]
            self.print_fn(f"{took}, {trial['status'].lower()}: {reason}")
            return
        stopped = f", stopped ({trial['stopped']})" if trial["stopped"] else ""
        best = f"best {trials[0]['score']:.4f} in {trial_name(trials[0]['trial'])}"
        score = f"{self.objective.name} {trial['score']:.4f} ({best})"
        self.print_fn(f"{took}{stopped}, {score}{self._left(len(trials))}")

    def _left(self, begun: int) -> str:
        past = [record.seconds for record in self.records.read_finished()]
        bounds = []
        if self.total is not None and past:
            bounds.append((self.total - begun) * statistics.fmean(past))
        if (seconds := self.limits.left(self.records)) is not None:
            bounds.append(seconds)
        return f", about {format_duration(max(0.0, min(bounds)))} left" if bounds else ""
