"""The callback that watches one trial: its curve, its time, and whether it should go on."""

import math
import time
from collections.abc import Callable
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.trials.records import TrialRecord, TrialRecords


class TrialWatch(keras.callbacks.Callback):
    """Records the objective after each epoch and ends trials that are hopeless or out of time.

    Args:
        trial_id: The trial.
        records: Where the record is kept.
        objective: keras-tuner's objective.
        is_hopeless: A function from the values so far to whether the trial is hopeless.
        seconds: What is left of the budget, or None.
        check: Called after every batch and epoch; raises where the search must end.
    """

    _supports_tf_logs = True  # Or Keras would fetch the losses of every batch.

    def __init__(
        self,
        trial_id: str,
        records: TrialRecords,
        objective: keras_tuner.Objective,
        is_hopeless: Callable[[list[float]], bool],
        seconds: float | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.trial_id, self.records, self.objective = trial_id, records, objective
        self.is_hopeless, self.seconds, self.check = is_hopeless, seconds, check
        # A trial that was killed took time before: a budget counts it.
        self.before = records.read(trial_id).seconds
        self.record = TrialRecord(seconds=self.before)
        self.reported: set[str] = set()
        self.started = time.monotonic()

    def __deepcopy__(self, memo: dict[int, Any]) -> "TrialWatch":
        # keras-tuner copies callbacks per execution; the search reads this very object.
        return self

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts a new curve, keeping the time: a trial may train several times."""
        self.record = TrialRecord(seconds=self.record.seconds)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Ends the search where that was asked for."""
        self.check()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Takes the objective from the logs, where the callbacks before this one put it."""
        self.check()
        logs = logs or {}
        self.reported.update(logs)
        if not self.objective.has_value(logs):
            return
        value = float(self.objective.get_value(logs))
        if not math.isfinite(value):
            raise keras_tuner.errors.FailedTrialError(
                f"`{self.objective.name}` must be finite, received {value} after {epoch + 1} epochs"
            )
        self.record.epochs.append(epoch + 1)
        self.record.values.append(value)
        if self.is_hopeless(self.record.values):
            self._stop("hopeless")
        elif self.seconds is not None and time.monotonic() - self.started > self.seconds:
            self._stop("budget")
        self.save()

    def _stop(self, reason: str) -> None:
        self.record.stopped = reason
        self.model.stop_training = True

    def save(self, error: str | None = None) -> None:
        """Writes the record with the time until now."""
        self.record.seconds = self.before + time.monotonic() - self.started
        self.record.error = error
        self.records.write(self.trial_id, self.record)
