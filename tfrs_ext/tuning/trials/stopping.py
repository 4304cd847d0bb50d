"""Which trials are hopeless: the median stopping rule.

References: Golovin et al., 2017, "Google Vizier: A Service for Black-Box Optimization", KDD,
section 3.2.2.
"""

import statistics
from collections.abc import Sequence

MIN_TRIALS = 3
MIN_EPOCHS = 2


def is_hopeless(
    values: Sequence[float], others: Sequence[Sequence[float]], *, maximize: bool
) -> bool:
    """Returns whether a trial's best value lies behind the median trial's average so far.

    `max(values) < median over other trials of mean(other[:len(values)])`, mirrored where the
    objective is minimised. Nothing is hopeless before its second epoch, or before three other
    trials have come as far.

    Args:
        values: The objective after each epoch of the trial that runs.
        others: The values of each trial that is completed.
        maximize: Whether larger is better.
    """
    epochs = len(values)
    averages = [statistics.fmean(other[:epochs]) for other in others if len(other) >= epochs]
    if epochs < MIN_EPOCHS or len(averages) < MIN_TRIALS:
        return False
    median = statistics.median(averages)
    return max(values) < median if maximize else min(values) > median
