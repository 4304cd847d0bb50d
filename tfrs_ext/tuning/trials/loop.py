"""The loop of a search in one process: keras-tuner's own, with a watch over each trial."""

import functools
import math
import time
from collections.abc import Callable
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.trials.limits import SearchLimits
from tfrs_ext.tuning.trials.progress import SearchProgress
from tfrs_ext.tuning.trials.records import TrialRecords
from tfrs_ext.tuning.trials.stopping import is_hopeless
from tfrs_ext.tuning.trials.watch import TrialWatch

_IDLE_SECONDS = 0.5


class SearchError(RuntimeError):
    """A search that found nothing: its message ends with the first failed trial's error."""


class TrialLoop:
    """Runs trials until the oracle has no more.

    Args:
        tuner: A keras-tuner tuner.
        records: The records of the search's trials.
        limits: The limits of the search.
        progress: Says what the search does.
        stop_hopeless: Whether hopeless trials are stopped.
        seed: Given to Keras before each trial, so that a trial run again gives the same.
        check: Raises where the search must end.
    """

    def __init__(
        self,
        tuner: keras_tuner.Tuner,
        records: TrialRecords,
        limits: SearchLimits,
        progress: SearchProgress,
        stop_hopeless: bool,
        seed: int,
        check: Callable[[], None],
    ) -> None:
        self.tuner, self.records, self.limits, self.progress = tuner, records, limits, progress
        self.stop_hopeless, self.seed, self.check = stop_hopeless, seed, check

    def run(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Runs them, with the arguments of the hypermodel's `fit`."""
        self.tuner.on_search_begin()
        while (trial := self._next()) is not None:
            self._run_trial(trial, *fit_args, **fit_kwargs)
        self.tuner.on_search_end()

    def _next(self) -> "keras_tuner.engine.trial.Trial | None":
        while True:
            self.check()
            self.tuner.pre_create_trial()
            trial = self.tuner.oracle.create_trial(self.tuner.tuner_id)
            if trial.status == "STOPPED":
                return None
            if trial.status != "IDLE":
                return trial
            time.sleep(_IDLE_SECONDS)  # Another process's trial must end first.

    def _run_trial(
        self, trial: "keras_tuner.engine.trial.Trial", *fit_args: Any, **fit_kwargs: Any
    ) -> None:
        self.progress.begin(trial)
        watch = TrialWatch(
            trial.trial_id,
            self.records,
            self.tuner.oracle.objective,
            self._make_rule(),
            self.limits.left(self.records),
            self.check,
        )
        keras.utils.set_random_seed(self.seed)
        self.tuner.on_trial_begin(trial)
        callbacks = [*(fit_kwargs.pop("callbacks", None) or []), watch]
        self.tuner._try_run_and_update_trial(trial, *fit_args, callbacks=callbacks, **fit_kwargs)
        self._judge(trial, watch)
        watch.save(error=trial.message)
        self.tuner.on_trial_end(trial)
        self.progress.end(trial.trial_id)

    def _make_rule(self) -> Callable[[list[float]], bool]:
        if not self.stop_hopeless:
            return lambda values: False
        others = [record.values for record in self.records.read_finished()]
        maximize = self.tuner.oracle.objective.direction == "max"
        return functools.partial(is_hopeless, others=others, maximize=maximize)

    def _judge(self, trial: "keras_tuner.engine.trial.Trial", watch: TrialWatch) -> None:
        objective = self.tuner.oracle.objective
        if trial.status == "COMPLETED":
            metrics = self.tuner.oracle.get_trial(trial.trial_id).metrics
            score = metrics.get_best_value(objective.name)
            if not math.isfinite(score):
                trial.status = "FAILED"
                trial.message = f"`{objective.name}` must be finite, received {score}"
        elif watch.reported and not objective.has_value(dict.fromkeys(watch.reported)):
            raise SearchError(
                f"`objective` must be a value that training reports, received "
                f"objective={objective.name!r}, reported: {sorted(watch.reported)}; give "
                "`validation_data`, or the callback that puts it into the logs in `callbacks`"
            )
