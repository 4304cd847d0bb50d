"""Values of policies from logs: by loops, against planted truth, and on a real log."""

import numpy as np
import pandas as pd
import pytest

from tests.bandits.logs import ARMS, make_rounds
from tests.oracles import bandits as oracle
from tfrs_ext.bandits import (
    BestStaticPolicy,
    EpsilonGreedy,
    LastPolicy,
    NotificationSimulator,
    PolicyTrial,
    PolicyValue,
    RecoveringDifferenceSoftmax,
    UniformPolicy,
    choice_shares,
    compare_policies,
    evaluate_policy,
    tune_policy,
    tuning_by_value,
)


def halves_means(rounds):
    """Each round's arms' means among users of the other half, by the package's fixed halves."""
    users = list(dict.fromkeys(row["user_id"] for row in rounds))
    halves = np.random.default_rng(0).permutation(len(users)) % 2
    half_of = dict(zip(users, halves, strict=True))
    means = {}
    for half in (0, 1):
        others = [row for row in rounds if half_of[row["user_id"]] != half]
        for arm in ARMS:
            pairs = [
                (1 / row["propensities"][row["eligible"].index(arm)], row["reward"])
                for row in others
                if row["chosen"] == arm
            ]
            means[half, arm] = oracle.mean(pairs)
    return [[means[half_of[row["user_id"]], arm] for arm in row["eligible"]] for row in rounds]


def test_estimates_are_those_of_loops():
    rounds = make_rounds(400)
    policy = RecoveringDifferenceSoftmax(ARMS, gamma=0.3, temperature=0.2, shrinkage=5.0)
    policy.fit(pd.DataFrame(make_rounds(300, seed=1)))
    value = evaluate_policy(policy, pd.DataFrame(rounds))
    table = policy.policy([r["eligible"] for r in rounds], [r["days_since"] for r in rounds])
    chances = [
        [row[ARMS.index(arm)] for arm in r["eligible"]]
        for row, r in zip(table, rounds, strict=True)
    ]
    expected = oracle.values(rounds, chances, halves_means(rounds))
    for name in ("ips", "self_normalised", "doubly_robust"):
        assert getattr(value, name).mean == pytest.approx(expected[name], rel=1e-9)
    assert value.effective_size == pytest.approx(expected["size"])
    assert value.logged.mean == pytest.approx(np.mean([r["reward"] for r in rounds]))
    sums, weights, mean = {}, [], value.self_normalised.mean
    for row, p in zip(rounds, chances, strict=True):
        at = row["eligible"].index(row["chosen"])
        weights.append(p[at] / row["propensities"][at])
        sums.setdefault(row["user_id"], []).append(weights[-1] * (row["reward"] - mean))
    spread = sum(sum(terms) ** 2 for terms in sums.values()) * len(sums) / (len(sums) - 1)
    half = 1.959964 * np.sqrt(spread) / sum(weights)
    assert value.self_normalised.half_width == pytest.approx(half, rel=1e-6)
    assert isinstance(value, PolicyValue)
    shares = choice_shares(policy, pd.DataFrame(rounds))
    np.testing.assert_allclose([shares[arm] for arm in ARMS], table.mean(axis=0))


def test_intervals_draw_users_not_rounds():
    rounds = [dict(row, user_id=i) for i, row in enumerate(make_rounds(100))]
    once = evaluate_policy(UniformPolicy(ARMS), pd.DataFrame(rounds))
    four = evaluate_policy(UniformPolicy(ARMS), pd.DataFrame(rounds * 4))
    assert four.ips.half_width == pytest.approx(once.ips.half_width)
    unknown = pd.DataFrame(rounds * 4).drop(columns="user_id")
    alone = evaluate_policy(UniformPolicy(ARMS), unknown)
    nobody = evaluate_policy(UniformPolicy(ARMS), unknown.assign(user_id=None))
    assert nobody.ips == alone.ips
    assert alone.ips.half_width == pytest.approx(once.ips.half_width / 2, rel=0.01)


def test_intervals_cover_the_planted_truth_at_the_stated_rate():
    hits = []
    for seed in range(40):
        world = NotificationSimulator(6, 400, gamma=0.3, seed=seed)
        learnt = RecoveringDifferenceSoftmax(world.arms, gamma=0.3, temperature=0.1)
        learnt.fit(world.run(UniformPolicy(world.arms), 3).rounds)
        log = world.run(UniformPolicy(world.arms), 6)
        value, truth = evaluate_policy(learnt, log.rounds), log.value(learnt)
        found = (value.ips, value.self_normalised, value.doubly_robust)
        hits.append([interval.low <= truth <= interval.high for interval in found])
    # Below 34 of 40 for one in 95% is bad luck of less than 1 in 200.
    assert (np.sum(hits, axis=0) >= 34).all()


def test_differences_are_paired():
    world = NotificationSimulator(6, 1500, gamma=0.4, seed=4)
    first = world.run(UniformPolicy(world.arms), 4)
    near = RecoveringDifferenceSoftmax(world.arms, gamma=0.4, temperature=0.1).fit(first.rounds)
    far = near.replace(temperature=0.05)
    log = world.run(UniformPolicy(world.arms), 8)
    found = compare_policies(far, near, log.rounds)
    values = [evaluate_policy(policy, log.rounds) for policy in (far, near)]
    truth = log.value(far) - log.value(near)
    for name, difference in found.items():
        one, two = (getattr(value, name) for value in values)
        assert difference.mean == pytest.approx(one.mean - two.mean)
        assert difference.low < truth < difference.high
        assert difference.half_width < 0.6 * one.half_width
    with pytest.raises(ValueError, match="must have the arms of `policy`"):
        compare_policies(far, UniformPolicy(["z"]), log.rounds)


def test_a_policy_without_support_is_refused():
    world = NotificationSimulator(5, 300, seed=1)
    log = world.run(LastPolicy(world.arms), 5)
    with pytest.raises(ValueError, match="must choose what the log's policy could choose too"):
        evaluate_policy(UniformPolicy(world.arms), log.rounds)
    narrow = log.to_frame().drop(columns="propensities").assign(propensity=1.0)
    narrow = narrow[narrow["chosen"] == narrow["chosen"].iloc[0]]
    with pytest.raises(ValueError, match="such as"):
        evaluate_policy(UniformPolicy(world.arms), narrow)


def test_propensities_that_contradict_the_choices_are_refused():
    rounds = make_rounds(400, alone=0.0)
    log = pd.DataFrame(rounds).drop(columns="propensities")
    for wrong in (0.9, 0.1):
        with pytest.raises(ValueError, match="must have a mean of 1"):
            evaluate_policy(UniformPolicy(ARMS), log.assign(propensity=wrong))
    with pytest.raises(ValueError, match="at least one"):
        evaluate_policy(UniformPolicy(ARMS), log[:0].assign(propensity=0.9))


def test_settings_are_tuned_by_value():
    world = NotificationSimulator(5, 3000, gamma=0.5, effect=0.0, seed=2)
    bandit = RecoveringDifferenceSoftmax(world.arms, shrinkage=1e6)
    bandit.fit(world.run(UniformPolicy(world.arms), 3).rounds)
    later = world.run(UniformPolicy(world.arms), 10)
    trials = tune_policy(
        bandit, later.rounds, gammas=[0.0, 0.5], half_lives=[15.0], temperatures=[0.05, 10.0]
    )
    assert len(trials) == 4
    assert isinstance(trials[0], PolicyTrial)
    assert trials[0].settings == {"gamma": 0.5, "half_life": 15.0, "temperature": 0.05}
    best = bandit.replace(**trials[0].settings)
    assert np.array_equal(best.scores, bandit.scores)
    assert later.value(best) > 1.03 * later.value(UniformPolicy(world.arms))


def test_settings_that_a_log_cannot_judge_are_left_out(monkeypatch):
    world = NotificationSimulator(3, 300, seed=2)
    frame = world.run(UniformPolicy(world.arms), 5).to_frame()
    frame.loc[frame.index[7], "chosen"] = "nobody"
    bandit = RecoveringDifferenceSoftmax(world.arms).fit(frame, invalid="exclude")
    judged = evaluate_policy

    def judge(policy, rounds, **options):
        if policy.temperature < 0.02:
            raise ValueError("it chooses what was never chosen")
        return judged(policy, rounds, **options)

    monkeypatch.setattr(tuning_by_value, "evaluate_policy", judge)
    usual = {"gammas": [0.1], "half_lives": [5.0], "invalid": "exclude"}
    trials = tune_policy(bandit, frame, **usual, temperatures=[0.04, 0.01])
    assert [trial.settings["temperature"] for trial in trials] == [0.04]
    with pytest.raises(ValueError, match="it chooses what was never chosen"):
        tune_policy(bandit, frame, **usual, temperatures=[0.01])


@pytest.fixture
def impressions():
    """A log in the form of the Open Bandit Data: a fashion shop, three places, sparse clicks."""
    rng = np.random.default_rng(0)
    b = rng.dirichlet(np.full(10, 0.5), 3)
    position = rng.integers(1, 4, 20_000)
    item = np.array([rng.choice(10, p=b[p - 1]) for p in position])
    click = rng.random(20_000) < 0.005 * (1 + item / 10)
    names = {"item_id": item, "position": position, "click": click.astype(int)}
    return pd.DataFrame({**names, "propensity_score": b[position - 1, item]})


def test_a_log_with_the_chosen_arms_propensity_alone_is_enough(impressions):
    arms = [str(item) for item in range(10)]
    log = pd.DataFrame({"eligible": [list(range(10))] * len(impressions)})
    log["chosen"], log["reward"] = impressions["item_id"], impressions["click"]
    log["propensity"] = impressions["propensity_score"]
    value = evaluate_policy(UniformPolicy(arms), log)
    weighted, weights = [], []
    for row in impressions.itertuples():
        weights.append(0.1 / row.propensity_score)
        weighted.append(weights[-1] * row.click)
    assert value.ips.mean == pytest.approx(sum(weighted) / len(weights))
    assert value.self_normalised.mean == pytest.approx(sum(weighted) / sum(weights))
    assert value.effective_size == pytest.approx(sum(weights) ** 2 / sum(w * w for w in weights))
    greedy = EpsilonGreedy(arms, epsilon=1.0)
    assert evaluate_policy(greedy, log).ips.mean == pytest.approx(value.ips.mean)
    with pytest.raises(ValueError, match="probability of every eligible arm"):
        BestStaticPolicy(arms).fit(log)
