"""How much a message loses by having been seen, and how fast it recovers, from a log.

Let m(a, d) = 1 + effect(a) - gamma · 0.5^(d / half_life) be what arm and days do to the chance of a
reward, and p the chance without them, which differs from round to round and isn't known. Then
r / m(chosen) has the mean p whatever was chosen, so it is uncorrelated with anything that is random
about the choice: with z(chosen) - Σ_a b(a) z(a), for any z, by the propensities b. With the
derivatives of m as z, these equations have the true parameters as their solution:

    Σ_t (z_t(chosen) - Σ_a b_t(a) z_t(a)) · r_t / m_t(chosen) = 0

This is g-estimation. No model of the users is needed, and rounds without a reward drop out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfrs_ext.bandits.log_reading import join, read_log
from tfrs_ext.bandits.log_tables import Log
from tfrs_ext.bandits.rounds import Floats, Rounds
from tfrs_ext.evaluation import Interval

_HALF_LIVES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
_STEPS, _PRECISION = 20, 1e-6
_LEAST = 0.05  # m is a share of a chance: it stays above 0 where a step goes too far.


class Recovery(NamedTuple):
    """What a log says about novelty.

    Attributes:
        gamma: What an arm loses that was seen just now, as a share of the reward.
        half_life: The days after which half of that loss is gone.
        effects: What each arm adds to the mean arm, as a share of the reward.
    """

    gamma: Interval
    half_life: Interval
    effects: dict[str, Interval]


def estimate_recovery(
    log: Log, arms: Sequence[str], *, level: float = 0.95, invalid: str = "raise"
) -> Recovery:
    """Measures the loss by repetition, its half-life, and the arms' effects, with intervals.

    `chance = p · (1 + effect - gamma · 0.5^(days_since / half_life))` is solved for the three by
    g-estimation, whatever p is in each round. It takes many rewards: about a million rounds for a
    loss of a tenth.

    Args:
        log: Logged rounds with `days_since` and `propensities`, as `Bandit.fit` takes them.
        arms: The names of all arms.
        level: The probability that an interval covers the truth, between 0 and 1. Rounds of one
            user may depend on each other where the log says `user_id`.
        invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.

    Raises:
        ImportError: scipy is missing.
        ValueError: The log holds too few rewards, or no recovery that can be told from none.

    Relations:
        `RecoveringDifferenceSoftmax` takes the estimates as settings; `tune_policy` finds the
        settings that earn most, which is another question.

    References:
        Robins: Correcting for Non-compliance in Randomized Trials Using Structural Nested Mean
        Models, Communications in Statistics 1994.
    """
    equations = _Equations(_read_rewarded(log, arms, invalid), len(arms))
    equations.check()
    try:
        solutions = [_solve(equations, *bracket) for bracket in _find_brackets(equations)]
        found = [(equations.covariance(theta), theta) for theta in solutions]
    except np.linalg.LinAlgError:  # Nothing depends on gamma, or on the half-life.
        found = []
    if not found:
        raise ValueError(
            "`log` must tell how messages recover, received one that no half-life from "
            f"{_HALF_LIVES[0]:g} to {_HALF_LIVES[-1]:g} days fits: log more rounds, or rounds of "
            "users who saw messages more lately and longer ago."
        )
    covariance, solution = min(found, key=lambda pair: pair[0][-1, -1])
    return _describe(solution, covariance, arms, level)


class _Equations:
    """The equations over rewarded rounds; parameters are effects but the first, gamma, log h."""

    def __init__(self, rounds: Rounds, arms: int) -> None:
        self.rounds, self.size = rounds, len(rounds)
        self.owners, self.b = rounds.owners, rounds.propensities
        self.clusters = rounds.clusters
        weights = np.zeros((self.size, arms))
        weights[self.owners, rounds.arms] = self.b
        hot = np.eye(arms)[rounds.arms[rounds.chosen]]
        self.centred_arms = (hot - weights)[:, 1:]
        self.hot = hot[:, 1:]

    def check(self) -> None:
        """Raises ValueError where some arms never stand beside the others."""
        products = self.centred_arms.T @ self.centred_arms
        if np.linalg.matrix_rank(products, hermitian=True) < len(products):
            raise ValueError(
                "`log` must let every arm stand in rounds beside the others, received one in which "
                "some never do, so that their effects can't be compared: estimate each group of "
                "arms that meet by itself."
            )

    def total(self, theta: Floats) -> Floats:
        """Returns the sums that must be 0, over the number of rounds."""
        return self._terms(theta)[0].mean(axis=0)

    def solve_at(self, log_h: float) -> Floats:
        """Returns the parameters that solve all equations but the last, for a half-life."""
        theta = np.append(np.zeros(self.hot.shape[1] + 1), log_h)
        for _ in range(_STEPS):
            terms, slopes = self._terms(theta)
            slope = terms[:, :-1].T @ slopes[:, :-1] / self.size
            step = np.linalg.solve(slope, terms[:, :-1].mean(axis=0))
            theta[:-1] += step
            if np.abs(step).max() < _PRECISION:
                break
        return theta

    def covariance(self, theta: Floats) -> Floats:
        """Returns the covariance of the solution, with users drawn anew."""
        terms, slopes = self._terms(theta)
        sums = np.stack([np.bincount(self.clusters, column) for column in terms.T], axis=1)
        inverse = np.linalg.inv(terms.T @ slopes)
        return inverse @ (sums.T @ sums) @ inverse.T

    def _terms(self, theta: Floats) -> tuple[Floats, Floats]:
        """Returns each round's terms `[T, P]`, and the derivatives of log m `[T, P]`.

        Terms fall with m by their own size times that derivative, but for what has mean 0.
        """
        gamma, log_h = theta[-2:]
        days = self.rounds.days_since / np.exp(log_h)
        left = np.exp2(-days)
        # Never seen is infinitely long ago: nothing is left to lose, and nothing changes with h.
        by_h = np.log(2) * np.where(np.isfinite(days), days, 0.0) * left
        z = np.stack([-left, -by_h], axis=1)
        mean = np.stack([np.bincount(self.owners, self.b * c, self.size) for c in z.T], axis=1)
        own = z[self.rounds.chosen]
        centred = np.concatenate([self.centred_arms, own - mean], axis=1)
        m = np.maximum(1 + self.hot @ theta[:-2] + gamma * own[:, 0], _LEAST)
        slopes = np.concatenate([self.hot, own * [1, gamma]], axis=1)
        return centred * (self.rounds.rewards / m)[:, None], slopes / m[:, None]


def _find_brackets(equations: _Equations) -> list[tuple[float, float]]:
    """Returns neighbours on a grid of half-lives between which the last equation is solved."""
    places = np.log(_HALF_LIVES)
    tried = [equations.solve_at(place) for place in places]
    signs = np.sign([equations.total(theta)[-1] for theta in tried])
    return [
        (places[i], places[i + 1])
        for i in range(len(places) - 1)
        if signs[i] != signs[i + 1] and tried[i][-2] > 0 and tried[i + 1][-2] > 0
    ]


def _solve(equations: _Equations, low: float, high: float) -> Floats:
    """Returns the parameters that solve all equations, with a half-life between two."""
    try:
        from scipy import optimize
    except ImportError as error:
        raise ImportError('`estimate_recovery` needs scipy: `pip install "tfrs-ext[tune]"`.') from (
            error
        )
    log_h = optimize.brentq(
        lambda place: equations.total(equations.solve_at(place))[-1], low, high, xtol=1e-4
    )
    return equations.solve_at(log_h)


def _read_rewarded(log: Log, arms: Sequence[str], invalid: str) -> Rounds:
    parts = []
    for rounds, _ in read_log(log, arms, invalid):
        parts.append(rounds.take((rounds.rewards > 0) & (rounds.lengths > 1)))
    rounds = join(parts)
    if np.isnan(rounds.propensities).any():
        raise ValueError("`log` must say the `propensities` of all eligible arms.")
    if len(rounds) < 10 * (len(arms) + 1):
        raise ValueError(
            f"`log` must hold some thousands of rewards, received {len(rounds)} rounds with one."
        )
    if not np.isfinite(rounds.days_since).any():
        raise ValueError(
            "`log` must say how many days ago users saw arms, received a log in which all are "
            "never: fill the column `days_since`."
        )
    chosen = np.bincount(rounds.arms[rounds.chosen], minlength=len(arms))
    lacking = [arm for arm, count in zip(arms, chosen, strict=True) if count == 0]
    if lacking:
        raise ValueError(
            f"`arms` must be arms that have earned a reward in the log, received "
            f"{', '.join(lacking[:5])}, which has none: leave such arms out of both."
        )
    return rounds


def _describe(solution: Floats, covariance: Floats, arms: Sequence[str], level: float) -> Recovery:
    """Returns the solution relative to the mean arm instead of the first."""
    count = len(arms)
    effects = np.append(0.0, solution[:-2])
    middle = 1 + effects.mean()
    # Effects of all arms minus their mean, as a linear map of those of all but the first.
    contrast = (np.eye(count) - 1 / count)[:, 1:]
    errors = np.sqrt(np.diag(contrast @ covariance[:-2, :-2] @ contrast.T)) / middle
    gamma_error, log_error = np.sqrt(np.diag(covariance)[-2:])
    half_life = Interval.of_error(solution[-1], log_error, level)
    relative = (1 + effects) / middle - 1
    found = zip(arms, relative, errors, strict=True)
    return Recovery(
        Interval.of_error(solution[-2] / middle, gamma_error / middle, level),
        Interval(*(float(np.exp(value)) for value in half_life)),
        {arm: Interval.of_error(mean, error, level) for arm, mean, error in found},
    )
