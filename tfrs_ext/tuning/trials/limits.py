"""When a search begins no further trial."""

import dataclasses
import math
import statistics

from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.trials.records import TrialRecords


@dataclasses.dataclass(frozen=True)
class SearchLimits:
    """When no further trial begins.

    Attributes:
        trials: The number of trials begun in all, or None.
        seconds: The time of all trials, summed over processes and resumed runs, or None.
    """

    trials: int | None = None
    seconds: float | None = None

    def are_reached(self, records: TrialRecords, begun: int) -> bool:
        """Returns whether the next trial must not begin: it would not end within the limits."""
        if self.trials is not None and begun >= self.trials:
            return True
        if self.seconds is None:
            return False
        past = [record.seconds for record in records.read_finished()]
        expected = statistics.median(past) if past else 0.0
        return begun > 0 and records.total_seconds() + expected > self.seconds

    def left(self, records: TrialRecords) -> float | None:
        """Returns the seconds that remain, or None where there is no limit."""
        return None if self.seconds is None else self.seconds - records.total_seconds()


def planned_trials(oracle: keras_tuner.Oracle) -> int | None:
    """Returns how many trials an oracle wants to run: `max_trials`, or Hyperband's brackets."""
    if not hasattr(oracle, "hyperband_iterations"):
        return oracle.max_trials
    if math.isinf(oracle.hyperband_iterations):
        return None
    brackets = range(oracle._get_num_brackets())
    sizes = [oracle._get_size(b, r) for b in brackets for r in range(oracle._get_num_rounds(b))]
    return oracle.hyperband_iterations * sum(sizes)
