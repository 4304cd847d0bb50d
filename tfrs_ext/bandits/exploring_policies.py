"""Baselines that explore, and know neither users nor days."""

from collections.abc import Sequence

import numpy as np

from tfrs_ext.bandits.bandit import Bandit, check_at_least
from tfrs_ext.bandits.rounds import Contexts, Floats, segment_best, segment_softmax
from tfrs_ext.typing import Config


class EpsilonGreedy(Bandit):
    """Chooses the best awake arm, but any alike with probability `epsilon`.

    Args:
        arms: The names of all arms, each once.
        epsilon: The share of rounds that explore, from 0 to 1.

    Example:
        >>> EpsilonGreedy(["a", "b"], epsilon=0.2).policy([["a", "b"], ["b"]])
        array([[0.5, 0.5],
               [0. , 1. ]])
    """

    kind = "epsilon_greedy"

    def __init__(self, arms: Sequence[str], *, epsilon: float = 0.1) -> None:
        super().__init__(arms)
        self.epsilon = check_at_least("epsilon", epsilon, 0)
        if epsilon > 1:
            raise ValueError(f"`epsilon` must be at most 1, received epsilon={epsilon}.")

    def settings(self) -> Config:
        """Returns the constructor's arguments besides `arms`."""
        return {"epsilon": self.epsilon}

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        # An arm that was never chosen counts as the best: it has to be tried.
        means = np.nan_to_num(self.statistics.chosen.mean, nan=np.inf)
        best = segment_best(means[contexts.arms], contexts)
        any_alike = 1 / np.repeat(contexts.lengths, contexts.lengths)
        return (1 - self.epsilon) * best + self.epsilon * any_alike


class SoftmaxPolicy(Bandit):
    """Chooses by `softmax(mean reward / temperature)` over the awake arms.

    Args:
        arms: The names of all arms, each once.
        temperature: How much mean rewards must differ to matter, above 0.

    Example:
        >>> SoftmaxPolicy(["a", "b"]).policy([["a", "b"]])
        array([[0.5, 0.5]])
    """

    kind = "softmax"

    def __init__(self, arms: Sequence[str], *, temperature: float = 0.001) -> None:
        super().__init__(arms)
        self.temperature = check_at_least("temperature", temperature, 0, is_open=True)

    def settings(self) -> Config:
        """Returns the constructor's arguments besides `arms`."""
        return {"temperature": self.temperature}

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        means = self.statistics.chosen.mean
        known = ~np.isnan(means)
        # An arm that was never chosen counts as the mean of the others.
        means = np.where(known, means, means[known].mean() if known.any() else 0.0)
        return segment_softmax(means[contexts.arms] / self.temperature, contexts)


class UpperConfidenceBound(Bandit):
    """Chooses the awake arm that could be the best: `mean + scale · sqrt(2 ln N / n)`.

    `N` counts the rounds of all arms and `n` those of this one; an arm that was never chosen comes
    first. It is the rule of UCB1, whose scale of 1 suits rewards that are spread over [0, 1].

    Args:
        arms: The names of all arms, each once.
        scale: The width of the bound, at least 0.

    Example:
        >>> UpperConfidenceBound(["a", "b"]).policy([["a", "b"]])
        array([[0.5, 0.5]])

    References:
        Auer, Cesa-Bianchi and Fischer: Finite-time Analysis of the Multiarmed Bandit Problem,
        Machine Learning 2002.
    """

    kind = "upper_confidence_bound"

    def __init__(self, arms: Sequence[str], *, scale: float = 1.0) -> None:
        super().__init__(arms)
        self.scale = check_at_least("scale", scale, 0)

    def settings(self) -> Config:
        """Returns the constructor's arguments besides `arms`."""
        return {"scale": self.scale}

    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`."""
        counts, means = self.statistics.chosen.count, self.statistics.chosen.mean
        with np.errstate(invalid="ignore", divide="ignore"):
            bounds = means + self.scale * np.sqrt(2 * np.log(counts.sum()) / counts)
        bounds = np.where(counts > 0, bounds, np.inf)
        return segment_best(bounds[contexts.arms], contexts)
