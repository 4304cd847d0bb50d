"""Rounds as flat arrays: the arms that are awake in each, and what the log says of them."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, eq=False)
class Contexts:
    """The awake arms of T rounds, round after round: E entries in all.

    Args:
        lengths: `[T]` int64, how many arms are awake in each round, at least 1.
        arms: `[E]` int64, the arms by their positions in the bandit's list of arms.
        days_since: `[E]` float64, the days since the round's user last saw the arm; infinity where
            the user has never seen it.

    Relations:
        `Rounds` adds what a log says: the chosen arms, their propensities and the rewards.

    Example:
        >>> contexts = Contexts(np.array([2, 1]), np.array([0, 2, 1]), np.array([3.0, np.inf, 0.5]))
        >>> contexts.starts, contexts.owners
        (array([0, 2]), array([0, 0, 1]))
    """

    lengths: Integers
    arms: Integers
    days_since: Floats

    @property
    def starts(self) -> Integers:
        """`[T]`, the place of each round's first entry."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def owners(self) -> Integers:
        """`[E]`, the number of the round of each entry."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def __len__(self) -> int:
        return len(self.lengths)


@dataclasses.dataclass(frozen=True, eq=False)
class Rounds(Contexts):
    """Logged rounds: the awake arms, the one that was chosen, and what came of it.

    Args:
        lengths: `[T]` int64, how many arms were awake in each round, at least 1.
        arms: `[E]` int64, the arms by their positions in the bandit's list of arms.
        days_since: `[E]` float64, the days since the round's user last saw the arm; infinity where
            the user has never seen it.
        propensities: `[E]` float64, the probability with which the logging policy chose each arm;
            NaN for arms that weren't chosen where the log doesn't say it.
        chosen: `[T]` int64, the place of each round's chosen arm among the E entries.
        rewards: `[T]` float64 from 0 to 1.
        users: `[T]` the ids of the users, or None where the log doesn't say.
        times: `[T]` float64, seconds or any other number that grows with time, or None.

    Relations:
        Bandits read a table of rounds in chunks of this form; see `Bandit.fit` for its columns.

    Example:
        >>> rounds = Rounds(np.array([2]), np.array([0, 1]), np.array([3.0, np.inf]),
        ...                 np.array([0.5, 0.5]), np.array([1]), np.array([1.0]))
        >>> len(rounds), rounds.propensity
        (1, array([0.5]))
    """

    propensities: Floats
    chosen: Integers
    rewards: Floats
    users: npt.NDArray[Any] | None = None
    times: Floats | None = None

    @property
    def propensity(self) -> Floats:
        """`[T]`, the probability with which the chosen arm was chosen."""
        return self.propensities[self.chosen]

    @property
    def clusters(self) -> Integers:
        """`[T]`, the number of each round's user; a number of its own where no user is known."""
        if self.users is None:
            return np.arange(len(self))
        numbers, users = pd.factorize(self.users)
        unknown = np.flatnonzero(numbers < 0)
        numbers[unknown] = len(users) + np.arange(len(unknown))
        return numbers

    @property
    def is_chosen(self) -> npt.NDArray[np.bool_]:
        """`[E]`, whether an entry is the chosen arm."""
        mask = np.zeros(len(self.arms), bool)
        mask[self.chosen] = True
        return mask

    @property
    def is_uncertain(self) -> npt.NDArray[np.bool_]:
        """`[E]`, whether the choice was open: others were awake too, and 0 < propensity < 1."""
        b, has_others = self.propensities, np.repeat(self.lengths > 1, self.lengths)
        return (b > 0) & (b < 1) & has_others

    def take(self, mask: npt.NDArray[np.bool_]) -> "Rounds":
        """Returns the rounds for which `mask` `[T]` is true."""
        entries = np.repeat(mask, self.lengths)
        places = np.cumsum(entries) - 1
        return Rounds(
            self.lengths[mask],
            self.arms[entries],
            self.days_since[entries],
            self.propensities[entries],
            places[self.chosen[mask]],
            self.rewards[mask],
            None if self.users is None else self.users[mask],
            None if self.times is None else self.times[mask],
        )


def segment_sum(values: Floats, contexts: Contexts) -> Floats:
    """Returns the sum of each round's entries, `[T]`."""
    return np.add.reduceat(values, contexts.starts) if len(values) else np.zeros(0)


def segment_max(values: Floats, contexts: Contexts) -> Floats:
    """Returns the largest of each round's entries, `[T]`."""
    return np.maximum.reduceat(values, contexts.starts) if len(values) else np.zeros(0)


def segment_softmax(scores: Floats, contexts: Contexts) -> Floats:
    """Returns `exp(s) / Σ exp(s)` over each round's entries, `[E]`."""
    powers = np.exp(scores - np.repeat(segment_max(scores, contexts), contexts.lengths))
    return powers / np.repeat(segment_sum(powers, contexts), contexts.lengths)


def segment_best(scores: Floats, contexts: Contexts) -> Floats:
    """Returns the probabilities `[E]` of a choice among each round's best entries, alike."""
    best = scores == np.repeat(segment_max(scores, contexts), contexts.lengths)
    shares = best.astype(np.float64)
    return shares / np.repeat(segment_sum(shares, contexts), contexts.lengths)


def draw(probabilities: Floats, contexts: Contexts, rng: np.random.Generator) -> Integers:
    """Returns one drawn entry of each round, `[T]`; never one of probability 0."""
    sums = np.cumsum(probabilities)
    first = contexts.starts
    before = np.where(first > 0, sums[first - 1], 0.0)
    last = sums[first + contexts.lengths - 1]
    wanted = before + rng.random(len(contexts)) * (last - before)
    # Rounding may lift the wanted sum to the last one, which lies behind the round's entries.
    return np.searchsorted(sums, np.minimum(wanted, np.nextafter(last, -np.inf)), side="right")
