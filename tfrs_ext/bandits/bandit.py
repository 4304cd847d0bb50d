"""What all bandits share: logs in, probabilities and choices out, and a file to live in."""

import abc
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tfrs_ext.bandits.arm_statistics import ArmStatistics, WeightedRewards
from tfrs_ext.bandits.log_reading import read_log
from tfrs_ext.bandits.log_tables import Log
from tfrs_ext.bandits.requests import Arms, Days, read_requests
from tfrs_ext.bandits.rounds import Contexts, Floats, Rounds, draw, segment_max
from tfrs_ext.files import read_json, write_json
from tfrs_ext.typing import Config, PathLike

_FORMAT = 1
_ONE_ARM = "one eligible arm"
_SURE = "a choice that was sure"
B = TypeVar("B", bound="Bandit")


class Choices(NamedTuple):
    """What was chosen, and all that tomorrow's log must say about it.

    Attributes:
        arms: `[B]`, the names of the chosen arms.
        propensity: `[B]` float64, the probability with which each was chosen.
        propensities: The probabilities of the eligible arms of each round, in their order.
    """

    arms: npt.NDArray[np.object_]
    propensity: Floats
    propensities: list[Floats]


class Bandit(abc.ABC):
    """Learns from logged rounds which arm to choose among those that are awake.

    A subclass says in `kind` what its file calls it, in `settings` what its constructor takes, and
    in `probabilities` what it does; it then fits, chooses, saves and loads as all others.

    Args:
        arms: The names of all arms, such as templates of a notification; each once.

    Relations:
        `RecoveringDifferenceSoftmax` is the bandit for recurring notifications; the other
        subclasses are what it has to beat. `evaluate_policy` says what each is worth on a log.

    Example:
        >>> policy = tfrs_ext.bandits.UniformPolicy(["a", "b", "c"])
        >>> policy.policy([["a", "c"]])
        array([[0.5, 0. , 0.5]])
    """

    kind: ClassVar[str] = ""
    _kinds: ClassVar[dict[str, type["Bandit"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.kind:
            Bandit._kinds[cls.kind] = cls

    def __init__(self, arms: Sequence[str]) -> None:
        self.arms = _check_arms(arms)
        self.excluded: Counter[str] = Counter()
        self.rounds = 0
        self.through: float | None = None
        self.statistics = ArmStatistics.zeros(len(self.arms))

    def settings(self) -> Config:
        """Returns the constructor's arguments besides `arms`, JSON-able."""
        return {}

    @abc.abstractmethod
    def probabilities(self, contexts: Contexts) -> Floats:
        """Returns the probability of each entry of `contexts`, `[E]`; each round's sum to 1."""

    def fit(self: B, log: Log, *, invalid: str = "raise") -> B:
        """Forgets what was learnt, and learns from a log in one pass; returns itself.

        Args:
            log: Logged rounds, one a row: a pandas frame, an Arrow table, or the path of a Parquet
                file or folder, which is read in chunks. Its columns:

                - `eligible`: the names of the awake arms, a list.
                - `chosen`: the name of the arm that was chosen.
                - `propensities`: the probability with which each eligible arm was chosen, a list
                  in the order of `eligible`. Where every choice was uniform, a number in
                  `propensity`, that of the chosen arm, says as much.
                - `reward`: a number from 0 to 1.
                - `days_since`: optional, the days since this user last saw each eligible arm, a
                  list in the order of `eligible`; empty, NaN or infinity for never.
                - `user_id`: optional; intervals then allow for users' habits.
                - `time`: optional, a time or a number that grows; `update` then refuses rounds
                  that were learnt already.
            invalid: What is done with invalid rounds: `"raise"` an error, or `"exclude"` and count
                them in `excluded`. Rounds in which one arm was eligible, or one was sure to be
                chosen, are valid, teach nothing, and are counted there in both cases.

        Raises:
            ValueError: A round is invalid: an unknown arm, a chosen arm that isn't eligible, a
                propensity that isn't in (0, 1], negative days, or a reward outside [0, 1].
        """
        self.excluded, self.rounds, self.through = Counter(), 0, None
        self.statistics = ArmStatistics.zeros(len(self.arms))
        return self.update(log, invalid=invalid)

    def update(self: B, log: Log, *, invalid: str = "raise") -> B:
        """Learns from new rounds in addition; equals a `fit` of old and new ones together.

        Args:
            log: The new rounds, in the form that `fit` takes.
            invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.

        Raises:
            ValueError: A round is invalid, or isn't later than those that were learnt already;
                nothing is learnt then.
        """
        statistics, excluded, count = self.statistics, Counter(self.excluded), self.rounds
        through = self.through
        for rounds, left_out in read_log(log, self.arms, invalid):
            _check_propensities(rounds)
            through = _latest(rounds, self.through, through)
            statistics = statistics + ArmStatistics.of(rounds, len(self.arms))
            excluded += left_out + _count_rounds_without_choice(rounds)
            count += len(rounds)
        self.statistics, self.excluded, self.rounds = statistics, excluded, count
        self.through = through
        return self

    def policy(self, eligible: Arms, days_since: Days = None) -> Floats:
        """Returns the probability of every arm for each of B requests.

        Args:
            eligible: The names of the arms that are awake, one list for each request.
            days_since: The days since the user last saw each eligible arm, one list for each
                request, in the order of `eligible`; None, NaN or infinity for never.
                None alone says never for all.

        Returns:
            `[B, A]` float64, columns in the order of `arms`; arms that sleep have 0.
        """
        contexts = read_requests(eligible, days_since, self.arms)
        table = np.zeros((len(contexts), len(self.arms)))
        table[contexts.owners, contexts.arms] = self.probabilities(contexts)
        return table

    def choose(
        self, eligible: Arms, days_since: Days = None, *, seed: int | np.random.Generator
    ) -> Choices:
        """Draws an arm for each of B requests, and says what the log needs to be learnt from.

        Args:
            eligible: The names of the arms that are awake, one list for each request.
            days_since: The days since the user last saw each eligible arm, in the same form.
            seed: A number, which always gives the same choices, or a generator.

        Returns:
            The arms, their propensities, and those of all eligible arms.
        """
        contexts = read_requests(eligible, days_since, self.arms)
        p = self.probabilities(contexts)
        places = draw(p, contexts, np.random.default_rng(seed))
        names = np.array(self.arms, object)[contexts.arms[places]]
        return Choices(names, p[places], np.split(p, contexts.starts[1:]))

    def replace(self: B, **settings: Any) -> B:
        """Returns a bandit that has learnt the same, with other settings.

        Args:
            **settings: Arguments of the constructor, besides `arms`.

        Raises:
            ValueError: A setting isn't one of the bandit's, or lies outside its range.
        """
        unknown = sorted(settings.keys() - self.settings().keys())
        if unknown:
            raise ValueError(
                f"`settings` must be among {', '.join(self.settings())}, received "
                f"{', '.join(unknown)}."
            )
        other = type(self)(self.arms, **{**self.settings(), **settings})
        other.statistics, other.excluded = self.statistics, Counter(self.excluded)
        other.rounds, other.through = self.rounds, self.through
        return other

    def save(self, path: PathLike) -> None:
        """Writes the bandit as JSON, whole or not at all.

        Args:
            path: The file; its folder is made.
        """
        state = {
            "chosen": self.statistics.chosen.sums.tolist(),
            "passed": self.statistics.passed.sums.tolist(),
            "rewards": self.statistics.rewards.tolist(),
            "rounds": self.rounds,
            "excluded": dict(self.excluded),
            "through": self.through,
        }
        known = {"format": _FORMAT, "kind": self.kind, "arms": list(self.arms)}
        write_json(path, {**known, "settings": self.settings(), "state": state})

    @staticmethod
    def load(path: PathLike) -> "Bandit":
        """Returns the bandit that `save` wrote, of whichever class it is.

        Args:
            path: The file.

        Raises:
            ValueError: The file isn't there, or isn't one that `save` wrote.
        """
        found = read_json(path)
        try:
            bandit = Bandit._kinds[found["kind"]](found["arms"], **found["settings"])
            state = found["state"]
            count = (6, len(bandit.arms))
            bandit.statistics = ArmStatistics(
                WeightedRewards(np.array(state["chosen"], np.float64).reshape(count)),
                WeightedRewards(np.array(state["passed"], np.float64).reshape(count)),
                np.array(state["rewards"], np.float64).reshape(count[1]),
            )
            bandit.rounds, bandit.through = int(state["rounds"]), state["through"]
            bandit.excluded = Counter(state["excluded"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"`path` must be a file that `Bandit.save` wrote, received {path}: {error!r}."
            ) from error
        return bandit


def check_at_least(name: str, value: float, least: float, *, is_open: bool = False) -> float:
    """Returns a finite setting as a float, or says where it must lie."""
    number = float(value)
    if not np.isfinite(number) or number < least or (is_open and number == least):
        sign = ">" if is_open else ">="
        raise ValueError(
            f"`{name}` must be {sign} {least:g} and finite, received {name}={value!r}."
        )
    return number


def _check_arms(arms: Sequence[str]) -> tuple[str, ...]:
    names = () if isinstance(arms, str) else tuple(arms)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if not names or twice or not all(isinstance(name, str) and name for name in names):
        raise ValueError(
            f"`arms` must be names, at least one, each once and none empty, received arms={arms!r}."
        )
    return names


def _check_propensities(rounds: Rounds) -> None:
    if np.isnan(rounds.propensities).any():
        raise ValueError(
            "`log` must say the probability of every eligible arm in a column `propensities`, "
            "received that of the chosen arm alone, and choices that weren't uniform: what came "
            "without an arm is weighted by 1 / (1 - its probability)."
        )


def _count_rounds_without_choice(rounds: Rounds) -> Counter[str]:
    """Returns how many rounds teach nothing, since nothing else could have been chosen."""
    alone = rounds.lengths == 1
    is_certain = segment_max(rounds.is_uncertain.astype(np.float64), rounds) == 0
    counts = {_ONE_ARM: alone.sum(), _SURE: (is_certain & ~alone).sum()}
    return Counter({name: int(count) for name, count in counts.items() if count})


def _latest(rounds: Rounds, learnt: float | None, so_far: float | None) -> float | None:
    times = None if rounds.times is None else rounds.times[~np.isnan(rounds.times)]
    if times is None or not len(times):
        return so_far
    first = float(times.min())
    if learnt is not None and not first > learnt:
        raise ValueError(
            f"`log` must hold rounds that are later than those learnt already, received a round "
            f"of time {first:g} after one of {learnt:g}: pass new rounds alone, or call `fit`."
        )
    latest = float(times.max())
    return latest if so_far is None else max(so_far, latest)
