"""Baselines that learn nothing, or one arm."""

import numpy as np

from tfrs_ext.bandits.bandit import Bandit
from tfrs_ext.bandits.rounds import Contexts, Floats, segment_best


class UniformPolicy(Bandit):
    """Chooses any awake arm alike: `P(a) = 1 / n`; a log of it teaches most about all arms.

    Args:
        arms: The names of all arms, each once.

    Example:
        >>> UniformPolicy(["a", "b"]).policy([["a", "b"], ["b"]])
        array([[0.5, 0.5],
               [0. , 1. ]])
    """

    kind = "uniform"

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        return 1 / np.repeat(contexts.lengths, contexts.lengths)


class LastPolicy(Bandit):
    """Repeats the awake arm that the user saw last; any alike where the user has seen none.

    Args:
        arms: The names of all arms, each once.

    Example:
        >>> LastPolicy(["a", "b"]).policy([["a", "b"], ["a", "b"]], [[3, 1], [None, None]])
        array([[0. , 1. ],
               [0.5, 0.5]])
    """

    kind = "last"

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        return segment_best(-contexts.days_since, contexts)


class BestStaticPolicy(Bandit):
    """Chooses the awake arm of the highest mean reward in the log, whoever asks.

    Args:
        arms: The names of all arms, each once.

    Relations:
        The means are weighted by the inverse of the propensities, as everywhere in this package.
        An arm that the log lacks comes last.

    Example:
        >>> BestStaticPolicy(["a", "b"]).policy([["a", "b"]])
        array([[0.5, 0.5]])
    """

    kind = "best_static"

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        means = np.nan_to_num(self.statistics.chosen.mean, nan=-1.0)
        return segment_best(means[contexts.arms], contexts)
