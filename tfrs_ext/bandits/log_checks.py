"""What can be wrong with logged rounds, and what is done about it."""

from collections import Counter

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]

MENDS = {
    "no eligible arm": "leave out rounds in which nothing could be sent",
    "an unknown arm": "add it to `arms`, or leave it out of `eligible`",
    "an arm twice in `eligible`": "name each arm once",
    "a chosen arm that isn't eligible": "log the arms as they were at the choice",
    "a propensity outside (0, 1]": "log the probability with which the arm was chosen",
    "propensities that don't sum to 1": "log the probability of every eligible arm",
    "negative days": "count days from the last time to this round; leave never empty",
    "a reward outside [0, 1]": "scale rewards to the range from 0 to 1",
}


def check_invalid(invalid: str) -> str:
    """Returns `invalid`, or says which words it takes."""
    if invalid not in ("raise", "exclude"):
        raise ValueError(f'`invalid` must be "raise" or "exclude", received invalid={invalid!r}.')
    return invalid


def settle(problems: dict[str, Mask], invalid: str, begin: int) -> tuple[Mask, Counter[str]]:
    """Returns which rounds are fine, and how many have each problem, the first of theirs.

    Args:
        problems: The rounds that have each problem, `[T]`, by the words of `MENDS`.
        invalid: What is done with them: `"raise"` or `"exclude"`.
        begin: The number of the first of these rounds in the log.

    Raises:
        ValueError: A round has a problem and `invalid` is `"raise"`.
    """
    bad = np.zeros(len(next(iter(problems.values()))), bool)
    counts: Counter[str] = Counter()
    for name, mask in problems.items():
        new = mask & ~bad
        if new.any() and invalid == "raise":
            first = int(np.flatnonzero(mask)[0])
            raise ValueError(
                f"`log` must hold valid rounds, received {name} in {int(mask.sum())} of "
                f"{len(mask)} rounds, first in round {begin + first}: {MENDS[name]}, "
                'or pass invalid="exclude" to leave these rounds out and count them.'
            )
        if new.any():
            counts[name] = int(new.sum())
        bad |= mask
    return ~bad, counts
