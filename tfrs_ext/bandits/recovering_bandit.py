"""The bandit for recurring notifications."""

from collections.abc import Sequence

import numpy as np

from tfrs_ext.bandits.bandit import Bandit, check_at_least
from tfrs_ext.bandits.rounds import Contexts, Floats, segment_softmax
from tfrs_ext.evaluation import Interval
from tfrs_ext.typing import Config


class RecoveringDifferenceSoftmax(Bandit):
    """Chooses among arms that sleep and recover by how much more comes with them than without.

    `P(a) = softmax over the awake arms of (s_a - gamma · 0.5^(days_since / half_life)) /
    temperature`, with `s_a = (mean with a - mean without a) / mean without a`.

    Both means are over logged rounds in which the arm was awake, weighted by the inverse of the
    probability with which the logging policy did what it did (1 / b where it chose the arm,
    1 / (1 - b) where it didn't), divided by the sum of the weights, and pulled towards the arm's
    plain mean as if `shrinkage` more rounds had ended so. The difference is relative, so that arms
    that are awake for willing users alone gain nothing by that. A message that a user has just
    seen has lost its novelty: its score falls by `gamma`, and half of the loss is gone after
    `half_life` days.

    Args:
        arms: The names of all arms, each once.
        gamma: What a message loses that was seen just now, as a share of the reward, at least 0.
        half_life: The days after which half of the loss is gone, above 0.
        temperature: How much scores must differ to matter, above 0. Scores differ by about 0.02:
            0.0025 keeps most of what the best arm gains, and explores with a sixth of the rounds.
        shrinkage: How many rounds a mean of few rounds is mixed with, at least 0.

    Raises:
        ValueError: A setting lies outside its range, or names of arms repeat.

    Relations:
        `evaluate_policy` tells its value from a log, `tune_policy` finds `gamma`, `half_life` and
        `temperature` by that, `estimate_recovery` measures them. `serving.export_bandit` puts it
        on a server.

    Example:
        >>> import pandas as pd
        >>> bandit = RecoveringDifferenceSoftmax(["a", "b"], gamma=0.1, temperature=0.05)
        >>> log = {"eligible": [["a", "b"]] * 4, "chosen": ["a", "a", "b", "b"],
        ...        "propensity": 0.5, "reward": [1, 1, 1, 0]}
        >>> _ = bandit.fit(pd.DataFrame(log))
        >>> bandit.policy([["a", "b"], ["a", "b"], ["b"]], [[None, None], [0, None], [3]]).round(3)
        array([[0.5  , 0.5  ],
               [0.119, 0.881],
               [0.   , 1.   ]])
        >>> bandit.choose([["a", "b"]], seed=1).propensity.round(3)
        array([0.5])

    References:
        Yancey and Settles: A Sleeping, Recovering Bandit Algorithm for Optimizing Recurring
        Notifications, KDD 2020.
    """

    kind = "recovering_difference_softmax"

    def __init__(
        self,
        arms: Sequence[str],
        *,
        gamma: float = 0.017,
        half_life: float = 15.0,
        temperature: float = 0.0025,
        shrinkage: float = 1e5,
    ) -> None:
        super().__init__(arms)
        self.gamma = check_at_least("gamma", gamma, 0)
        self.half_life = check_at_least("half_life", half_life, 0, is_open=True)
        self.temperature = check_at_least("temperature", temperature, 0, is_open=True)
        self.shrinkage = check_at_least("shrinkage", shrinkage, 0)

    def settings(self) -> Config:
        """Returns the constructor's arguments besides `arms`."""
        names = ("gamma", "half_life", "temperature", "shrinkage")
        return {name: getattr(self, name) for name in names}

    @property
    def scores(self) -> Floats:
        """`[A]`, the shrunken relative differences, without what was seen lately."""
        return self.statistics.shrunken_difference(self.shrinkage)

    def effects(self, level: float = 0.95) -> dict[str, Interval]:
        """Returns each arm's relative difference before shrinkage, with its interval.

        The interval takes rounds as independent: where one user has many, it is too narrow.

        Args:
            level: The probability that an interval covers the truth, between 0 and 1.
        """
        means, errors = self.statistics.difference(), self.statistics.difference_error()
        found = zip(self.arms, means, errors, strict=True)
        return {arm: Interval.of_error(mean, error, level) for arm, mean, error in found}

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        penalty = self.gamma * np.exp2(-contexts.days_since / self.half_life)
        return segment_softmax((self.scores[contexts.arms] - penalty) / self.temperature, contexts)
