"""A made-up world of notifications whose truth is known."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tfrs_ext.bandits.bandit import Bandit, check_at_least
from tfrs_ext.bandits.log_reading import join
from tfrs_ext.bandits.log_tables import to_table
from tfrs_ext.bandits.rounds import Contexts, Floats, Integers, Rounds, draw, segment_sum

_BASES = (0.5, 1.0, 1.5)  # How willing each type of user is, times the base chance.
_ACTIVITIES = (0.6, 1.0, 1.4)
_NEVER_EACH = 4  # A type of user never gets every fourth arm.


class Simulation(NamedTuple):
    """Rounds of a made-up world, with the chances that a real log doesn't hold.

    Attributes:
        arms: The names of the arms.
        rounds: The rounds.
        expected: `[E]`, the true chance of a reward for each eligible arm of each round.
    """

    arms: tuple[str, ...]
    rounds: Rounds
    expected: Floats

    def to_table(self) -> pa.Table:
        """Returns the log as an Arrow table, with the columns that `Bandit.fit` reads."""
        return to_table(self.rounds, self.arms)

    def to_frame(self) -> pd.DataFrame:
        """Returns the log as a frame, with the columns that `Bandit.fit` reads."""
        return self.to_table().to_pandas()

    @property
    def achieved(self) -> float:
        """The mean true chance of a reward of the arms that were chosen."""
        return float(self.expected[self.rounds.chosen].mean())

    def value(self, policy: Bandit) -> float:
        """Returns the true mean reward of another policy in the same rounds.

        Args:
            policy: The policy.
        """
        chances = policy.probabilities(self.rounds) * self.expected
        return float(segment_sum(chances, self.rounds).mean())

    def differences(self) -> dict[str, float]:
        """Returns the true relative difference of the mean reward with and without each arm."""
        rounds, count = self.rounds, len(self.arms)
        b, spread = rounds.propensities, rounds.lengths
        all_arms = np.repeat(segment_sum(b * self.expected, rounds), spread)
        counts = rounds.is_uncertain
        arms = rounds.arms[counts]
        without = (all_arms - b * self.expected)[counts] / (1 - b[counts])
        ratio = np.bincount(arms, self.expected[counts], count) / np.bincount(arms, without, count)
        return dict(zip(self.arms, (ratio - 1).tolist(), strict=True))


@dataclasses.dataclass(frozen=True)
class _People:
    """What is fixed about users: their type, and the day on which each saw each arm last."""

    types: Integers
    last_seen: Floats


class NotificationSimulator:
    """Users of three types who tire of what they have just seen, and recover.

    `chance of a reward = base of the user's type · (1 + effect of the arm - gamma · 0.5^(days since
    the user saw it / half_life))`. Willing users are active on more days, and each type never gets
    some of the arms, so that a plain mean by arm is misleading. A world goes on where its last run
    ended: users remember.

    Args:
        arms: The names of the arms, or their number.
        num_users: How many users there are.
        base: The mean chance of a reward, so small that no chance is above 1.
        effect: The standard deviation of the arms' effects, as a share of the base.
        gamma: What an arm loses that was seen just now, as a share of the base.
        half_life: The days after which half of that loss is gone.
        awake: The chance that an arm is eligible in a round; one more is eligible in each round.
        active: The mean chance that a user has a round on a day, at most 0.7.
        seed: The seed of the planted truth and of all that happens.

    Raises:
        ValueError: A setting lies outside its range.

    Example:
        >>> world = NotificationSimulator(arms=4, num_users=100, seed=1)
        >>> simulation = world.run(tfrs_ext.bandits.UniformPolicy(world.arms), days=3)
        >>> list(simulation.to_frame())
        ['eligible', 'days_since', 'propensities', 'chosen', 'reward', 'user_id', 'time']
    """

    def __init__(
        self,
        arms: int | Sequence[str] = 12,
        num_users: int = 2000,
        *,
        base: float = 0.12,
        effect: float = 0.01,
        gamma: float = 0.1,
        half_life: float = 15.0,
        awake: float = 0.7,
        active: float = 0.5,
        seed: int = 0,
    ) -> None:
        names = [chr(ord("A") + i) for i in range(arms)] if isinstance(arms, int) else arms
        self.arms = tuple(names)
        self.base = check_at_least("base", base, 0, is_open=True)
        self.gamma = check_at_least("gamma", gamma, 0)
        self.half_life = check_at_least("half_life", half_life, 0, is_open=True)
        self.awake = check_at_least("awake", awake, 0)
        self.active = check_at_least("active", active, 0, is_open=True)
        if len(self.arms) < 2 or num_users < 1 or active > 0.7:
            raise ValueError(
                "`arms` must be two at least, `num_users` one and `active` at most 0.7, received "
                f"{len(self.arms)}, {num_users} and {active}."
            )
        self._rng = np.random.default_rng(seed)
        effects = self._rng.normal(0, check_at_least("effect", effect, 0), len(self.arms))
        self.effects: Floats = effects - effects.mean()
        highest = _BASES[-1] * base * (1 + self.effects.max())
        if highest > 1:
            raise ValueError(
                "`base` must be so small that the highest chance is at most 1, received "
                f"base={base} with a chance of {highest:.3g}."
            )
        types = self._rng.integers(0, len(_BASES), num_users)
        self._people = _People(types, np.full((num_users, len(self.arms)), -np.inf))
        numbers = np.arange(len(self.arms)) + np.arange(len(_BASES))[:, None]
        self._gets = numbers % _NEVER_EACH > 0
        self.day = 0

    def run(self, policy: Bandit, days: int) -> Simulation:
        """Lets a policy choose for some days, and returns what happened.

        Args:
            policy: The policy; it doesn't learn on the way.
            days: How many days, at least 1.
        """
        parts = [self._run_day(policy) for _ in range(days)]
        rounds = join([rounds for rounds, _ in parts])
        return Simulation(self.arms, rounds, np.concatenate([chance for _, chance in parts]))

    def _run_day(self, policy: Bandit) -> tuple[Rounds, Floats]:
        people, rng = self._people, self._rng
        chance = self.active * np.array(_ACTIVITIES)[people.types]
        users = np.flatnonzero(rng.random(len(people.types)) < chance)
        awake = self._wake(users)
        number, arms = np.nonzero(awake)
        since = self.day - people.last_seen[users[number], arms]
        contexts = Contexts(awake.sum(axis=1), arms, since)
        propensities = policy.probabilities(contexts)
        chosen = draw(propensities, contexts, rng)
        novelty = self.gamma * np.exp2(-since / self.half_life)
        bases = self.base * np.array(_BASES)[people.types[users]]
        expected = bases[number] * (1 + self.effects[arms] - novelty)
        rewards = (rng.random(len(users)) < expected[chosen]).astype(np.float64)
        people.last_seen[users, arms[chosen]] = self.day
        times = np.full(len(users), float(self.day))
        self.day += 1
        rounds = Rounds(contexts.lengths, arms, since, propensities, chosen, rewards, users, times)
        return rounds, expected

    def _wake(self, users: Integers) -> npt.NDArray[np.bool_]:
        """Draws the arms that are eligible for each user today, at least one."""
        allowed = self._gets[self._people.types[users]]
        awake = allowed & (self._rng.random(allowed.shape) < self.awake)
        keys = self._rng.random(allowed.shape) * allowed
        awake[np.arange(len(users)), keys.argmax(axis=1)] = True
        return awake
