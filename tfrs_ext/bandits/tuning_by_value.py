"""The settings of the recurring bandit that earn most on a log that it wasn't learnt from."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from tfrs_ext.bandits.log_reading import read_whole_log
from tfrs_ext.bandits.log_tables import Log
from tfrs_ext.bandits.off_policy import PolicyValue, evaluate_policy
from tfrs_ext.bandits.recovering_bandit import RecoveringDifferenceSoftmax


class PolicyTrial(NamedTuple):
    """One setting of the recurring bandit, and what it is worth.

    Attributes:
        settings: The arguments `gamma`, `half_life` and `temperature`.
        value: The estimates from the log.
    """

    settings: dict[str, float]
    value: PolicyValue


def tune_policy(
    bandit: RecoveringDifferenceSoftmax,
    log: Log,
    *,
    gammas: Sequence[float] = (0.0, 0.017, 0.05, 0.1, 0.3),
    half_lives: Sequence[float] = (5.0, 15.0, 45.0),
    temperatures: Sequence[float] = (0.04, 0.01, 0.0025),
    level: float = 0.95,
    invalid: str = "raise",
) -> list[PolicyTrial]:
    """Returns combinations of settings, the one of the highest value first.

    The value is the self-normalised one. Nothing is learnt anew: the settings change what is made
    of the sums that the bandit holds.

    Args:
        bandit: The bandit, fitted on earlier rounds.
        log: Later rounds, as `Bandit.fit` takes them.
        gammas: The losses right after a message was seen to try.
        half_lives: The days until half of it is gone to try.
        temperatures: The temperatures to try.
        level: The probability that an interval covers the true mean, between 0 and 1.
        invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.

    Returns:
        The settings that the log can tell the value of; others are left out.

    Raises:
        ValueError: The log can tell the value of none, or a setting is out of its range.

    Relations:
        `bandit.replace(**trials[0].settings)` is the best bandit; judge it on a third log.
        `estimate_recovery` measures `gamma` and `half_life` with intervals.

    Example:
        >>> from tfrs_ext.bandits import NotificationSimulator, UniformPolicy
        >>> world = NotificationSimulator(arms=3, num_users=200, seed=1)
        >>> earlier = world.run(UniformPolicy(world.arms), days=5)
        >>> later = world.run(UniformPolicy(world.arms), days=5)
        >>> bandit = RecoveringDifferenceSoftmax(world.arms).fit(earlier.rounds)
        >>> trials = tune_policy(bandit, later.rounds, temperatures=[0.01])
        >>> len(trials), sorted(trials[0].settings)
        (15, ['gamma', 'half_life', 'temperature'])
    """
    rounds = read_whole_log(log, bandit.arms, invalid)
    trials: list[PolicyTrial] = []
    refused: ValueError | None = None
    for gamma, half_life, temperature in itertools.product(gammas, half_lives, temperatures):
        settings = {"gamma": gamma, "half_life": half_life, "temperature": temperature}
        policy = bandit.replace(**settings)
        try:
            trials.append(PolicyTrial(settings, evaluate_policy(policy, rounds, level=level)))
        except ValueError as error:
            refused = error
    if refused is not None and not trials:
        raise refused
    return sorted(trials, key=lambda trial: -trial.value.self_normalised.mean)
