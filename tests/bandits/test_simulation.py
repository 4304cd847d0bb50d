"""The made-up world keeps its promises, and its planted truth is found again."""

import numpy as np
import pandas as pd
import pytest

from tests.bandits.logs import ARMS
from tfrs_ext.bandits import (
    LastPolicy,
    NotificationSimulator,
    RecoveringDifferenceSoftmax,
    Recovery,
    Simulation,
    UniformPolicy,
    estimate_recovery,
)
from tfrs_ext.bandits.recovery import _Equations


@pytest.fixture(scope="module")
def world():
    return NotificationSimulator(ARMS, 500, gamma=0.3, half_life=4.0, effect=0.05, seed=3)


@pytest.fixture(scope="module")
def log(world):
    return world.run(UniformPolicy(world.arms), 12)


def test_days_are_those_since_the_user_saw_the_arm(log):
    last = {}
    for row in log.to_frame().itertuples():
        for arm, days in zip(row.eligible, row.days_since, strict=True):
            assert days == row.time - last.get((row.user_id, arm), -np.inf)
        last[row.user_id, row.chosen] = row.time
        assert row.chosen in row.eligible


def test_chances_are_those_of_the_formula(world, log):
    rounds = log.rounds
    factor = 1 + world.effects[rounds.arms] - 0.3 * 0.5 ** (rounds.days_since / 4.0)
    bases = log.expected / factor
    owners = rounds.owners
    for user in np.unique(rounds.users)[:20]:
        (base,) = {round(value, 12) for value in bases[(rounds.users == user)[owners]]}
        assert any(base == pytest.approx(0.12 * share) for share in (0.5, 1.0, 1.5))
    assert isinstance(log, Simulation)
    assert abs(rounds.rewards.mean() - log.achieved) < 0.02


def test_the_true_differences_are_those_of_a_loop(log):
    rounds, sums = log.rounds, {arm: ([], []) for arm in ARMS}
    for start, length in zip(rounds.starts, rounds.lengths, strict=True):
        at = range(start, start + length)
        for i in at:
            b = rounds.propensities[i]
            if 0 < b < 1:
                others = sum(rounds.propensities[j] * log.expected[j] for j in at if j != i)
                sums[ARMS[rounds.arms[i]]][0].append(log.expected[i])
                sums[ARMS[rounds.arms[i]]][1].append(others / (1 - b))
    for arm, found in log.differences().items():
        assert found == pytest.approx(sum(sums[arm][0]) / sum(sums[arm][1]) - 1)


def test_the_value_is_that_of_the_policys_choices(log):
    policy = RecoveringDifferenceSoftmax(ARMS, temperature=0.1, gamma=0.3).fit(log.rounds)
    p = policy.probabilities(log.rounds)
    expected = [
        sum(p[s : s + n] * log.expected[s : s + n])
        for s, n in zip(log.rounds.starts, log.rounds.lengths, strict=True)
    ]
    assert log.value(policy) == pytest.approx(np.mean(expected))


def test_the_log_teaches_as_a_table_does(log):
    one = RecoveringDifferenceSoftmax(ARMS).fit(log.to_frame())
    two = RecoveringDifferenceSoftmax(ARMS).fit(log.to_table())
    assert np.array_equal(one.scores, two.scores)
    assert np.array_equal(one.scores, RecoveringDifferenceSoftmax(ARMS).fit(log.rounds).scores)


def test_the_recovering_policy_earns_more_than_those_it_has_to_beat():
    def run(policy, **settings):
        world = NotificationSimulator(6, 1000, gamma=0.4, seed=5, **settings)
        learnt = policy(world.arms).fit(world.run(UniformPolicy(world.arms), 10).rounds)
        return world.run(learnt, 20).achieved

    ours = run(lambda arms: RecoveringDifferenceSoftmax(arms, gamma=0.4, temperature=0.02))
    assert ours > 1.02 * run(UniformPolicy)
    assert ours > 1.1 * run(LastPolicy)


def test_planted_recovery_and_effects_are_found_within_their_intervals():
    world = NotificationSimulator(4, 3000, gamma=0.5, half_life=6.0, effect=0.1, base=0.3, seed=1)
    log = world.run(UniformPolicy(world.arms), 40)
    found = estimate_recovery(log.rounds, world.arms, level=0.999)
    assert isinstance(found, Recovery)
    assert found.gamma.low < 0.5 < found.gamma.high < 0.7
    assert 3 < found.half_life.low < 6.0 < found.half_life.high < 12
    for arm, effect in zip(world.arms, world.effects, strict=True):
        assert found.effects[arm].low < effect < found.effects[arm].high
        assert found.effects[arm].half_width < 0.1
    fitted = RecoveringDifferenceSoftmax(world.arms).fit(log.rounds)
    truth = log.differences()
    for arm, interval in fitted.effects(0.999).items():
        assert interval.low < truth[arm] < interval.high


def test_the_slopes_behind_the_intervals_are_those_of_the_equations():
    world = NotificationSimulator(3, 3000, gamma=0.5, half_life=6.0, base=0.3, seed=1)
    rounds = world.run(UniformPolicy(world.arms), 20).rounds
    equations = _Equations(rounds.take(rounds.rewards > 0), 3)
    theta = np.array([0.0, 0.0, 0.5, np.log(6.0)])
    terms, slopes = equations._terms(theta)
    for i, step in enumerate(np.eye(4) * 1e-5):
        measured = (equations.total(theta + step) - equations.total(theta - step))[i] / 2e-5
        # Equal but for what has mean 0, which is small among so many rounds.
        assert -(terms[:, i] * slopes[:, i]).mean() == pytest.approx(measured, rel=0.25)


def test_too_few_rewards_tell_no_recovery(log):
    few = log.rounds.take(np.arange(len(log.rounds)) < 50)
    with pytest.raises(ValueError, match="thousands of rewards"):
        estimate_recovery(few, ARMS)
    with pytest.raises(ValueError, match="received z, which has none"):
        estimate_recovery(log.rounds, (*ARMS, "z"))
    never = log.to_frame().drop(columns="days_since")
    with pytest.raises(ValueError, match="fill the column `days_since`"):
        estimate_recovery(never, ARMS)
    frame = log.to_frame().drop(columns="propensities").assign(propensity=0.9)
    unknown = frame[frame["eligible"].str.len() > 1]
    with pytest.raises(ValueError, match="`propensities` of all eligible arms"):
        estimate_recovery(unknown, ARMS)


def test_arms_that_never_meet_and_days_that_never_differ_tell_no_recovery():
    rng = np.random.default_rng(0)
    pairs = [["a", "b"] if meets else ["c", "d"] for meets in rng.random(400) < 0.5]
    apart = pd.DataFrame({"eligible": pairs, "chosen": [rng.choice(pair) for pair in pairs]})
    apart["days_since"] = rng.integers(1, 9, (400, 2)).astype(float).tolist()
    apart = apart.assign(propensities=[[0.5, 0.5]] * 400, reward=1.0)
    with pytest.raises(ValueError, match="every arm stand in rounds beside the others"):
        estimate_recovery(apart, ["a", "b", "c", "d"])
    alike = apart[apart["eligible"].str[0] == "a"]
    alike = alike.assign(days_since=[[2.0, 2.0]] * len(alike))
    with pytest.raises(ValueError, match="`log` must tell how messages recover"):
        estimate_recovery(alike, ["a", "b"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"arms": 1}, "two at least"),
        ({"active": 0.9}, "at most 0.7"),
        ({"gamma": -1}, "`gamma`"),
        ({"base": 0.9}, "received base=0.9 with a chance"),
    ],
)
def test_settings_are_checked(wrong, words):
    with pytest.raises(ValueError, match=words):
        NotificationSimulator(**wrong)
