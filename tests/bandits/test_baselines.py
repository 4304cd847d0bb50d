"""The policies that the recurring bandit has to beat."""

import numpy as np
import pandas as pd
import pytest

from tests.bandits.logs import ARMS, make_rounds
from tests.oracles import bandits as oracle
from tfrs_ext.bandits import (
    Bandit,
    BestStaticPolicy,
    Choices,
    Contexts,
    EpsilonGreedy,
    LastPolicy,
    SoftmaxPolicy,
    ThompsonSampling,
    UniformPolicy,
    UpperConfidenceBound,
    split_log,
    usual_policies,
)

ALL = [
    BestStaticPolicy,
    EpsilonGreedy,
    LastPolicy,
    SoftmaxPolicy,
    ThompsonSampling,
    UniformPolicy,
    UpperConfidenceBound,
]


@pytest.fixture
def log():
    return make_rounds(400)


def means_of(log):
    return {arm: oracle.mean(chosen) for arm, (chosen, *_) in oracle.statistics(log, ARMS).items()}


@pytest.mark.parametrize("kind", ALL)
def test_all_have_one_interface(kind, log, tmp_path):
    bandit = kind(ARMS).fit(pd.DataFrame(log))
    eligible = [row["eligible"] for row in log]
    days = [row["days_since"] for row in log]
    table = bandit.policy(eligible, days)
    np.testing.assert_allclose(table.sum(axis=1), 1)
    assert (table >= 0).all()
    for row, names in zip(table, eligible, strict=True):
        assert all(row[ARMS.index(arm)] == 0 for arm in set(ARMS) - set(names))
    bandit.save(tmp_path / "file.json")
    assert np.array_equal(Bandit.load(tmp_path / "file.json").policy(eligible, days), table)
    choices = bandit.choose(eligible, days, seed=1)
    assert isinstance(choices, Choices)
    assert (choices.propensity > 0).all()
    assert kind(ARMS).policy([["a", "b"]]).sum() == pytest.approx(1)  # Before the first round.
    assert bandit.policy([]).shape == (0, len(ARMS))


def test_the_last_arm_is_the_one_seen_last_of_those_awake():
    policy = LastPolicy(ARMS)
    table = policy.policy([["a", "b"], ["b", "c"]], [[5, 0.5], [3, 3]])
    assert table.tolist() == [[0, 1, 0, 0], [0, 0.5, 0.5, 0]]
    assert isinstance(Contexts(np.array([1]), np.array([0]), np.array([1.0])).owners, np.ndarray)


def test_means_decide(log):
    means = means_of(log)
    frame = pd.DataFrame(log)
    best = max(("a", "b", "d"), key=means.get)
    asked = [["d", "a", "b"]]
    assert BestStaticPolicy(ARMS).fit(frame).policy(asked)[0, ARMS.index(best)] == 1
    greedy = EpsilonGreedy(ARMS, epsilon=0.3).fit(frame).policy(asked)[0]
    assert greedy[ARMS.index(best)] == pytest.approx(0.8)
    powers = np.array([np.exp(means[arm] / 0.05) if arm != "c" else 0 for arm in ARMS])
    soft = SoftmaxPolicy(ARMS, temperature=0.05).fit(frame).policy(asked)[0]
    np.testing.assert_allclose(soft, powers / powers.sum(), rtol=1e-9)


def test_the_bound_is_wide_where_an_arm_is_rare(log):
    counts = {a: len(chosen) for a, (chosen, *_) in oracle.statistics(log, ARMS).items()}
    means = means_of(log)
    policy = UpperConfidenceBound(ARMS, scale=2.0).fit(pd.DataFrame(log))
    total = np.log(sum(counts.values()))
    bounds = {a: means[a] + 2 * np.sqrt(2 * total / counts[a]) for a in ARMS}
    assert policy.policy([list(ARMS)])[0, ARMS.index(max(bounds, key=bounds.get))] == 1


def test_thompson_chooses_as_draws_from_the_posterior_do(log):
    policy = ThompsonSampling(ARMS, prior=(2.0, 40.0)).fit(pd.DataFrame(log))
    rng = np.random.default_rng(0)
    draws = []
    for arm in ("a", "b", "c"):
        chosen = oracle.statistics(log, ARMS)[arm][0]
        n, mean = oracle.size(chosen), oracle.mean(chosen)
        draws.append(rng.beta(n * mean + 2, n * (1 - mean) + 40, 200_000))
    shares = np.bincount(np.argmax(draws, axis=0), minlength=3) / 200_000
    np.testing.assert_allclose(policy.policy([["a", "b", "c"]])[0, :3], shares, atol=0.004)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (EpsilonGreedy, {"epsilon": 1.5}),
        (SoftmaxPolicy, {"temperature": 0.0}),
        (UpperConfidenceBound, {"scale": -1.0}),
        (ThompsonSampling, {"prior": (0.0, 1.0)}),
    ],
)
def test_settings_are_checked(kind, wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be"):
        kind(ARMS, **wrong)


def test_the_usual_policies_are_all():
    found = usual_policies(ARMS)
    assert {type(policy) for policy in found.values()} == set(ALL)


def test_logs_are_split_by_time():
    log = pd.DataFrame({"time": [5, 1, 1, 3, 2, 1, 4, 4, 4, 4]})
    parts = [part["time"].tolist() for part in split_log(log, (0.2, 0.5))]
    assert parts == [[], [1, 1, 1, 2, 3], [4, 4, 4, 4, 5]]
    unordered = log.rename(columns={"time": "other"})
    assert [len(part) for part in split_log(unordered)] == [6, 2, 2]
    for count, sizes in ((0, [0, 0, 0]), (1, [1, 0, 0]), (2, [1, 1, 0])):
        assert [len(part) for part in split_log(log[:count])] == sizes
    with pytest.raises(ValueError, match="`shares` must be"):
        split_log(log, (0.5, 0.5))
