"""All that a log says about its arms, in a few sums for each."""

import dataclasses

import numpy as np

from tfrs_ext.bandits.rounds import Floats, Rounds


@dataclasses.dataclass(frozen=True, eq=False)
class WeightedRewards:
    """Sums over weighted rewards, `[A]` each, from which mean, size and variance follow.

    Args:
        sums: `[6, A]`: the numbers of rounds, and the sums of w, w², w r, w² r and w² r².
    """

    sums: Floats

    @classmethod
    def of(
        cls, arms: np.ndarray, weights: Floats, rewards: Floats, count: int
    ) -> "WeightedRewards":
        """Sums up rounds, each of which counts for one of `count` arms."""
        squares, weighted = weights**2, weights * rewards
        terms = (np.ones(len(arms)), weights, squares, weighted, weights * weighted, weighted**2)
        return cls(np.stack([np.bincount(arms, term, count) for term in terms]))

    @property
    def count(self) -> Floats:
        """How many rounds there are."""
        return self.sums[0]

    @property
    def mean(self) -> Floats:
        """The self-normalised mean `Σ w r / Σ w`; NaN where there is no round."""
        with np.errstate(invalid="ignore"):
            return self.sums[3] / self.sums[1]

    @property
    def size(self) -> Floats:
        """Kish's effective number of rounds, `(Σ w)² / Σ w²`."""
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(self.sums[1] ** 2 / self.sums[2])

    @property
    def variance(self) -> Floats:
        """The variance of the mean, `Σ w² (r - mean)² / (Σ w)²`."""
        mean = self.mean
        squares = self.sums[5] - 2 * mean * self.sums[4] + mean**2 * self.sums[2]
        with np.errstate(invalid="ignore"):
            return np.maximum(squares, 0.0) / self.sums[1] ** 2


@dataclasses.dataclass(frozen=True, eq=False)
class ArmStatistics:
    """Rewards with and without each arm, over rounds in which both could have happened.

    A round counts for an arm where the arm and others were awake and its propensity b lies between
    0 and 1: with weight `1 / b` where it was chosen, and `1 / (1 - b)` where it wasn't.

    Args:
        chosen: The rewards of rounds in which the arm was chosen.
        passed: The rewards of rounds in which it was awake and another arm was chosen.
        rewards: `[A]`, the plain sums of the rewards of both.
    """

    chosen: WeightedRewards
    passed: WeightedRewards
    rewards: Floats

    @classmethod
    def zeros(cls, count: int) -> "ArmStatistics":
        """Returns the statistics of an empty log."""
        empty = WeightedRewards(np.zeros((6, count)))
        return cls(empty, empty, np.zeros(count))

    @classmethod
    def of(cls, rounds: Rounds, count: int) -> "ArmStatistics":
        """Sums up the rounds of a log."""
        b, counts = rounds.propensities, rounds.is_uncertain
        taken = rounds.chosen[counts[rounds.chosen]]
        others = np.flatnonzero(counts & ~rounds.is_chosen)
        rewards = np.repeat(rounds.rewards, rounds.lengths)
        chosen = WeightedRewards.of(rounds.arms[taken], 1 / b[taken], rewards[taken], count)
        passed = WeightedRewards.of(
            rounds.arms[others], 1 / (1 - b[others]), rewards[others], count
        )
        plain = np.bincount(rounds.arms[counts], rewards[counts], count).astype(np.float64)
        return cls(chosen, passed, plain)

    def __add__(self, other: "ArmStatistics") -> "ArmStatistics":
        return ArmStatistics(
            WeightedRewards(self.chosen.sums + other.chosen.sums),
            WeightedRewards(self.passed.sums + other.passed.sums),
            self.rewards + other.rewards,
        )

    @property
    def mean(self) -> Floats:
        """The plain mean reward of the rounds that count; NaN where there is none."""
        with np.errstate(invalid="ignore"):
            return self.rewards / (self.chosen.count + self.passed.count)

    def difference(self) -> Floats:
        """Returns `(mean with - mean without) / mean without`; NaN where a side is missing."""
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = self.chosen.mean / self.passed.mean
        return np.where(np.isfinite(ratio), ratio - 1, np.nan)

    def difference_error(self) -> Floats:
        """Returns the standard error of the relative difference, by the delta method."""
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = self.chosen.mean / self.passed.mean
            variance = self.chosen.variance + ratio**2 * self.passed.variance
            return np.sqrt(variance) / self.passed.mean

    def shrunken_difference(self, shrinkage: float) -> Floats:
        """Returns the relative difference of means that are pulled to the arm's plain mean.

        `mean' = (n mean + shrinkage · plain mean) / (n + shrinkage)` on both sides, with Kish's n;
        0 where nothing is known, or where nothing came without the arm.
        """
        plain = np.nan_to_num(self.mean)

        def pull(side: WeightedRewards) -> Floats:
            total = side.size * np.nan_to_num(side.mean) + shrinkage * plain
            with np.errstate(invalid="ignore"):
                return np.nan_to_num(total / (side.size + shrinkage))

        with_arm, without = pull(self.chosen), pull(self.passed)
        known = (without > 0) & ((self.chosen.count > 0) | (shrinkage > 0))
        return np.where(known, with_arm, 1.0) / np.where(known, without, 1.0) - 1
