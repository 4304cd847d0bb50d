"""What a policy would have earned, from the log of another one."""

import dataclasses

import numpy as np
import numpy.typing as npt

from tfrs_ext.bandits.bandit import Bandit
from tfrs_ext.bandits.log_reading import read_whole_log
from tfrs_ext.bandits.log_tables import Log
from tfrs_ext.bandits.rounds import Floats, Integers, Rounds, segment_sum
from tfrs_ext.evaluation import Interval

_NEGLIGIBLE = 1e-6
_SURE = 0.999
_OFF = 0.1  # How far from 1 the mean weight may surely be.


@dataclasses.dataclass(frozen=True)
class PolicyValue:
    """The mean reward of a policy, estimated in three ways from a log.

    Attributes:
        ips: The mean of `w r`, where w is the policy's probability over the logged one: unbiased,
            and wide.
        self_normalised: `Σ w r / Σ w`, weighted importance sampling: narrower, and bounded by the
            rewards.
        doubly_robust: The mean of `Σ_a π(a) q(a) + w (r - q(chosen))`, where q is each arm's mean
            reward among the other half of the users: unbiased too, and mostly the narrowest.
        logged: The mean reward of the log itself, to compare with.
        effective_size: Kish's effective number of rounds, `(Σ w)² / Σ w²`; where it is below some
            hundreds, the intervals aren't to be trusted.
        rounds: How many rounds there are.
    """

    ips: Interval
    self_normalised: Interval
    doubly_robust: Interval
    logged: Interval
    effective_size: float
    rounds: int


def evaluate_policy(
    policy: Bandit, log: Log, *, level: float = 0.95, invalid: str = "raise"
) -> PolicyValue:
    """Estimates what `policy` would have earned in the rounds of a log.

    Intervals are normal ones of the estimators' influence functions, summed by user where the log
    says `user_id`. Learn the policy from other rounds: on its own ones it looks better than it is.

    Args:
        policy: The policy; it isn't changed.
        log: Logged rounds, as `Bandit.fit` takes them, that fit in memory. The propensity of the
            chosen arm is enough, in a column `propensity`.
        level: The probability that an interval covers the true mean, between 0 and 1.
        invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.

    Returns:
        The estimates.

    Raises:
        ValueError: The log can't tell: the policy chooses arms that the logging policy never
            chose, or the mean weight, 1 where all is right, surely isn't.

    Relations:
        `compare_policies` for the difference of two. `Simulation.value` is the truth where the
        world is made up.

    Example:
        >>> import pandas as pd
        >>> log = pd.DataFrame({"eligible": [["a", "b"]] * 4, "chosen": ["a", "a", "b", "b"],
        ...                     "propensity": 0.5, "reward": [1, 0, 1, 1]})
        >>> value = evaluate_policy(tfrs_ext.bandits.UniformPolicy(["a", "b"]), log)
        >>> round(value.self_normalised.mean, 3), value.effective_size
        (0.75, 4.0)

    References:
        Swaminathan and Joachims: The Self-Normalized Estimator for Counterfactual Learning,
        NeurIPS 2015; Dudík, Langford and Li: Doubly Robust Policy Evaluation and Learning, ICML
        2011.
    """
    rounds = _read(log, policy, invalid)
    terms, w = _terms(policy, rounds)
    found = {name: _interval(values, rounds.clusters, level) for name, values in terms.items()}
    logged = _interval(rounds.rewards, rounds.clusters, level)
    size = float(w.sum() ** 2 / (w**2).sum())
    return PolicyValue(**found, logged=logged, effective_size=size, rounds=len(rounds))


def compare_policies(
    policy: Bandit, other: Bandit, log: Log, *, level: float = 0.95, invalid: str = "raise"
) -> dict[str, Interval]:
    """Estimates how much more `policy` would have earned than `other` in the rounds of a log.

    Both are judged by the same rounds, whose luck cancels out: the interval of the difference is
    narrower than those of the two values.

    Args:
        policy: The policy.
        other: The policy to compare with, of the same arms.
        log: Logged rounds, as `evaluate_policy` takes them.
        level: The probability that an interval covers the true difference, between 0 and 1.
        invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.

    Returns:
        The difference of the mean rewards by each estimator: `ips`, `self_normalised` and
        `doubly_robust`.

    Raises:
        ValueError: The log can't tell the value of one of them, or their arms differ.

    Example:
        >>> import pandas as pd
        >>> log = pd.DataFrame({"eligible": [["a", "b"]] * 4, "chosen": ["a", "a", "b", "b"],
        ...                     "propensity": 0.5, "reward": [1, 0, 1, 1]})
        >>> uniform = tfrs_ext.bandits.UniformPolicy(["a", "b"])
        >>> compare_policies(uniform, uniform, log)["ips"].mean
        0.0
    """
    if policy.arms != other.arms:
        raise ValueError(
            f"`other` must have the arms of `policy`, {list(policy.arms)}, received "
            f"{list(other.arms)}."
        )
    rounds = _read(log, policy, invalid)
    ours, theirs = _terms(policy, rounds)[0], _terms(other, rounds)[0]
    return {
        name: _interval(values - theirs[name], rounds.clusters, level)
        for name, values in ours.items()
    }


def choice_shares(policy: Bandit, log: Log, *, invalid: str = "raise") -> dict[str, float]:
    """Returns the share of a log's rounds in which `policy` would choose each arm.

    Args:
        policy: The policy.
        log: Logged rounds, as `Bandit.fit` takes them, that fit in memory.
        invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.

    Example:
        >>> import pandas as pd
        >>> log = pd.DataFrame({"eligible": [["a", "b"], ["b"]], "chosen": ["a", "b"],
        ...                     "propensity": [0.5, 1.0], "reward": [1, 0]})
        >>> choice_shares(tfrs_ext.bandits.UniformPolicy(["a", "b"]), log)
        {'a': 0.25, 'b': 0.75}
    """
    rounds = read_whole_log(log, policy.arms, invalid)
    sums = np.bincount(rounds.arms, policy.probabilities(rounds), len(policy.arms))
    return dict(zip(policy.arms, (sums / len(rounds)).tolist(), strict=True))


def _read(log: Log, policy: Bandit, invalid: str) -> Rounds:
    rounds = read_whole_log(log, policy.arms, invalid)
    if not len(rounds):
        raise ValueError("`log` must hold at least one valid round, received none.")
    return rounds


def _terms(policy: Bandit, rounds: Rounds) -> tuple[dict[str, Floats], Floats]:
    """Returns each estimator's terms `[T]`, whose mean is the estimate, and the weights `[T]`.

    The terms are influence functions, so that the spread of their sums by user is that of the
    estimate: for the ratio `Σ w r / Σ w`, each round's is `w (r - ratio) / mean w`.
    """
    p = policy.probabilities(rounds)
    _check_support(p, rounds, policy.arms)
    w, r, clusters = p[rounds.chosen] / rounds.propensity, rounds.rewards, rounds.clusters
    _check_weights(w, clusters)
    q = _other_half_means(rounds, clusters, len(policy.arms))
    ratio = (w * r).sum() / w.sum()
    terms = {
        "ips": w * r,
        "self_normalised": w * (r - ratio) / w.mean() + ratio,
        "doubly_robust": segment_sum(p * q, rounds) + w * (r - q[rounds.chosen]),
    }
    return terms, w


def _check_support(p: Floats, rounds: Rounds, arms: tuple[str, ...]) -> None:
    """Refuses a policy that wants what the log can't hold."""
    chosen = np.bincount(rounds.arms[rounds.chosen], minlength=len(arms))
    b = rounds.propensities
    lacks = np.where(np.isnan(b), chosen[rounds.arms] == 0, b == 0)
    share = float(p[lacks].sum() / len(rounds))
    if share > _NEGLIGIBLE:
        wanted = np.bincount(rounds.arms[lacks], p[lacks], len(arms))
        names = [arms[i] for i in np.argsort(-wanted)[:5] if wanted[i] > 0]
        raise ValueError(
            f"`policy` must choose what the log's policy could choose too, received one that "
            f"chooses other arms, such as {', '.join(names)}, with a share of {share:.3g}: "
            "evaluate it on a log that explores them."
        )


def _check_weights(w: Floats, clusters: Integers) -> None:
    mean = _interval(w, clusters, _SURE)
    if not w.sum() > 0 or mean.high < 1 - _OFF or mean.low > 1 + _OFF:
        raise ValueError(
            f"`log` must hold propensities and choices that cover what the policy does: its "
            f"probabilities over the logged ones must have a mean of 1, received {mean:.3f}. "
            "Either the policy does what the log hardly holds, or the propensities are wrong."
        )


def _other_half_means(rounds: Rounds, clusters: Integers, count: int) -> Floats:
    """Returns each entry's mean reward of its arm among the users of the other half, `[E]`."""
    # A fixed permutation: numbers of users may tell their type by being even or odd.
    shuffled = np.random.default_rng(0).permutation(int(clusters.max()) + 1)
    half = shuffled[clusters] % 2
    arms, w = rounds.arms[rounds.chosen], 1 / rounds.propensity
    keys = half * count + arms
    sums = np.bincount(keys, w * rounds.rewards, 2 * count).reshape(2, count)
    weights = np.bincount(keys, w, 2 * count).reshape(2, count)
    overall = sums.sum(axis=1, keepdims=True) / np.maximum(weights.sum(axis=1, keepdims=True), 1)
    means = np.where(weights > 0, sums / np.where(weights > 0, weights, 1.0), overall)
    return means[1 - np.repeat(half, rounds.lengths), rounds.arms]


def _interval(values: npt.NDArray[np.float64], clusters: Integers, level: float) -> Interval:
    """Returns the mean of rounds, with an interval as if users were drawn anew."""
    mean = float(values.mean())
    sums = np.bincount(clusters, values - mean)
    count = len(sums)
    if count < 2:
        return Interval.of_error(mean, float("nan"), level)
    error = np.sqrt((sums**2).sum() * count / (count - 1)) / len(values)
    return Interval.of_error(mean, float(error), level)
