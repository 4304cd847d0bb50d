"""The recurring bandit's formulas against plain loops, and its logs in all forms."""

import json

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bandits.logs import ARMS, make_rounds
from tests.oracles import bandits as oracle
from tfrs_ext.bandits import Bandit, Contexts, RecoveringDifferenceSoftmax, Rounds
from tfrs_ext.bandits.log_reading import read_whole_log
from tfrs_ext.bandits.rounds import draw

SETTINGS = {"gamma": 0.3, "half_life": 10.0, "temperature": 0.2, "shrinkage": 20.0}


def fit(rounds, **changes):
    return RecoveringDifferenceSoftmax(ARMS, **{**SETTINGS, **changes}).fit(pd.DataFrame(rounds))


def oracle_scores(rounds, shrinkage):
    found = oracle.statistics(rounds, ARMS)
    return {arm: oracle.score(*found[arm], shrinkage) for arm in ARMS}


@pytest.mark.parametrize("shrinkage", [0.0, 20.0, 1e5])
def test_scores_are_relative_differences_of_shrunken_means(shrinkage):
    rounds = make_rounds(300)
    bandit = fit(rounds, shrinkage=shrinkage)
    expected = oracle_scores(rounds, shrinkage)
    np.testing.assert_allclose(bandit.scores, [expected[a] for a in ARMS], rtol=1e-9, atol=1e-15)


def test_effects_have_the_intervals_of_the_delta_method():
    rounds = make_rounds(300)
    for arm, (chosen, passed, _) in oracle.statistics(rounds, ARMS).items():
        effect = fit(rounds).effects()[arm]
        mean = oracle.mean(chosen) / oracle.mean(passed) - 1
        error = oracle.difference_error(chosen, passed)
        np.testing.assert_allclose(effect, [mean, mean - 1.959964 * error, mean + 1.959964 * error])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_the_policy_is_a_softmax_over_awake_arms(seed, count):
    rounds = make_rounds(count, seed)
    bandit = fit(make_rounds(80))
    scores = dict(zip(ARMS, bandit.scores, strict=True))
    eligible = [row["eligible"] for row in rounds]
    days = [row["days_since"] for row in rounds]
    table = bandit.policy(eligible, days)
    assert table.shape == (count, len(ARMS))
    for row, names, since in zip(table, eligible, days, strict=True):
        expected = oracle.policy(scores, names, since, 0.3, 10.0, 0.2)
        np.testing.assert_allclose([row[ARMS.index(a)] for a in names], expected, rtol=1e-9)
        assert row.sum() == pytest.approx(1)
        assert all(row[ARMS.index(arm)] == 0 for arm in set(ARMS) - set(names))


def test_a_tiny_temperature_neither_overflows_nor_draws_what_sleeps():
    bandit = fit(make_rounds(200), temperature=1e-9)
    table = bandit.policy([["a", "c"], ["d"]])
    assert np.isfinite(table).all()
    assert table[0].max() == 1
    assert table[1].tolist() == [0, 0, 0, 1]


def test_all_forms_and_chunks_of_a_log_are_the_same(tmp_path, monkeypatch):
    rounds = make_rounds(500)
    frame = pd.DataFrame(rounds)
    whole = fit(rounds)
    (tmp_path / "more").mkdir()
    frame[:180].to_parquet(tmp_path / "0.parquet", row_group_size=50)
    frame[180:].to_parquet(tmp_path / "more" / "1.parquet")
    table = pq.read_table(tmp_path / "0.parquet")
    first = RecoveringDifferenceSoftmax(ARMS, **SETTINGS).fit(table)
    np.testing.assert_allclose(first.scores, fit(rounds[:180]).scores, rtol=1e-12)
    monkeypatch.setattr("tfrs_ext.bandits.log_tables._CHUNK", 64)
    for log in (frame, tmp_path):
        bandit = RecoveringDifferenceSoftmax(ARMS, **SETTINGS).fit(log)
        np.testing.assert_allclose(bandit.scores, whole.scores, rtol=1e-12)
        assert (bandit.rounds, bandit.excluded) == (whole.rounds, whole.excluded)
    first.update(frame[180:])
    np.testing.assert_allclose(first.scores, whole.scores, rtol=1e-12)


def test_a_uniform_log_needs_the_chosen_arms_propensity_alone():
    rounds = make_rounds(200)
    for row in rounds:
        row["propensity"] = 1 / len(row["eligible"])
        row["propensities"] = [row["propensity"]] * len(row["eligible"])
    frame = pd.DataFrame(rounds)
    short = RecoveringDifferenceSoftmax(ARMS, **SETTINGS).fit(frame.drop(columns="propensities"))
    assert np.array_equal(short.scores, fit(rounds).scores)
    frame["propensity"] *= 0.9
    with pytest.raises(ValueError, match="probability of every eligible arm"):
        short.fit(frame.drop(columns="propensities"))


def test_rounds_with_one_arm_teach_nothing_and_are_counted():
    rounds = make_rounds(300)
    alone = [row for row in rounds if len(row["eligible"]) == 1]
    for row in alone:
        row["propensities"] = [0.9995]  # Rounded on its way to the log.
    many = [row for row in rounds if len(row["eligible"]) > 1]
    bandit = fit(rounds)
    np.testing.assert_allclose(bandit.scores, fit(many).scores, rtol=1e-12)
    assert bandit.excluded == {"one eligible arm": len(alone)}
    assert bandit.rounds == 300


def test_choices_that_were_sure_teach_nothing_and_are_counted():
    rounds = make_rounds(80, alone=0.0)
    for row in rounds[:30]:
        row["propensities"] = [float(arm == row["chosen"]) for arm in row["eligible"]]
    bandit = fit(rounds)
    np.testing.assert_allclose(bandit.scores, fit(rounds[30:]).scores, rtol=1e-12)
    assert bandit.excluded == {"a choice that was sure": 30}


def test_nothing_learnt_and_nothing_without_an_arm_give_no_difference():
    assert RecoveringDifferenceSoftmax(ARMS).scores.tolist() == [0, 0, 0, 0]
    never = [{**row, "reward": 0.0} for row in make_rounds(50)]
    assert fit(never).scores.tolist() == [0, 0, 0, 0]
    one_sided = [row for row in make_rounds(50) if row["chosen"] == "a"]
    assert np.isfinite(fit(one_sided, shrinkage=0.0).scores).all()


BROKEN = [
    ("a propensity outside", {"propensities": [0.0, 1.0]}),
    ("a propensity outside", {"propensities": [1.5, -0.5]}),
    ("a propensity outside", {"propensities": [None, 0.5]}),
    ("propensities that don't sum to 1", {"propensities": [0.5, 0.4]}),
    ("a chosen arm that isn't eligible", {"chosen": "c"}),
    ("an unknown arm", {"chosen": "z"}),
    ("an unknown arm", {"eligible": ["a", "z"]}),
    ("an arm twice", {"eligible": ["a", "a"]}),
    ("negative days", {"days_since": [-1.0, None]}),
    ("a reward outside", {"reward": 1.5}),
    ("a reward outside", {"reward": None}),
    ("no eligible arm", {"eligible": [], "propensities": [], "days_since": []}),
]


@pytest.mark.parametrize(("words", "change"), BROKEN)
def test_bad_rounds_are_refused_or_counted(words, change):
    row = {"eligible": ["a", "b"], "chosen": "a", "propensities": [0.5, 0.5]}
    row |= {"reward": 1.0, "days_since": [3.0, None]}
    good = make_rounds(20)
    frame = pd.DataFrame([*good, {**row, **change}])
    bandit = RecoveringDifferenceSoftmax(ARMS, **SETTINGS)
    with pytest.raises(ValueError, match=f"{words}.* in 1 of 21 rounds, first in round 20"):
        bandit.fit(frame.drop(columns=["user_id", "time"]))
    assert bandit.rounds == 0
    bandit.fit(frame.drop(columns=["user_id", "time"]), invalid="exclude")
    np.testing.assert_allclose(bandit.scores, fit(good).scores, rtol=1e-12)
    assert bandit.rounds == 20
    (counted,) = set(bandit.excluded) - {"one eligible arm"}
    assert counted.startswith(words)


@pytest.mark.parametrize("change", [{"reward": 2.0}, {"days_since": [1.0] * 9}])
def test_a_bad_round_is_found_by_its_number_in_the_whole_log(change, monkeypatch):
    rounds = make_rounds(30)
    rounds[20] |= change
    monkeypatch.setattr("tfrs_ext.bandits.log_tables._CHUNK", 8)
    with pytest.raises(ValueError, match="in round 20"):
        fit(rounds)


def test_rounds_that_were_learnt_are_not_learnt_again():
    rounds = make_rounds(60)
    bandit = fit(rounds[:40])
    with pytest.raises(ValueError, match="later than those learnt already"):
        bandit.update(pd.DataFrame(rounds[39:]))
    bandit.update(pd.DataFrame(rounds[40:]))
    np.testing.assert_allclose(bandit.scores, fit(rounds).scores, rtol=1e-12)
    days = pd.DataFrame(rounds)
    days["time"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(days["time"], unit="D")
    bandit.fit(days)
    assert bandit.through == (days["time"].max() - pd.Timestamp(0)).total_seconds()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"eligible": [[]]}, "at least one arm in each request"),
        ({"eligible": [["a", "z"]]}, "known arms"),
        ({"eligible": [["a", "a"]]}, "each arm once"),
        ({"eligible": ["a"]}, "list of lists"),
        ({"days_since": [[1.0]]}, "for each eligible arm"),
        ({"days_since": [[-1.0, 2.0]]}, "at least 0"),
    ],
)
def test_requests_are_checked(change, words):
    arguments = {"eligible": [["a", "b"]], "days_since": None, **change}
    with pytest.raises(ValueError, match=words):
        RecoveringDifferenceSoftmax(ARMS).policy(**arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        {"gamma": -1},
        {"half_life": 0},
        {"temperature": 0},
        {"shrinkage": float("nan")},
        {"arms": ["a", "a"]},
        {"arms": []},
    ],
)
def test_settings_are_checked(wrong):
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        RecoveringDifferenceSoftmax(**{"arms": ARMS, **wrong})


def test_logs_without_columns_or_files_are_refused(tmp_path):
    bandit = RecoveringDifferenceSoftmax(ARMS)
    with pytest.raises(ValueError, match="reward, propensities is missing"):
        bandit.fit(pd.DataFrame({"eligible": [["a"]], "chosen": ["a"]}))
    with pytest.raises(FileNotFoundError, match="where there is none"):
        bandit.fit(tmp_path)
    (tmp_path / "broken.parquet").write_text("no")
    with pytest.raises(ValueError, match=r"received .*broken\.parquet"):
        bandit.fit(tmp_path)
    with pytest.raises(ValueError, match=r"must be a pandas frame.* received list"):
        bandit.fit([1, 2])
    with pytest.raises(ValueError, match="`invalid` must be"):
        bandit.fit(tmp_path, invalid="ignore")
    uneven = {**make_rounds(1)[0], "days_since": [1.0] * 9}
    with pytest.raises(ValueError, match="as many days_since as eligible arms"):
        bandit.fit(pd.DataFrame([uneven]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reward": "much"}, "numbers in column 'reward'"),
        ({"days_since": ["x"] * 4}, "numbers in column 'days_since'"),
        ({"time": "yesterday"}, "numbers in column 'time'"),
        ({"eligible": "abcd"}, "lists in column 'eligible'"),
    ],
)
def test_columns_of_another_type_are_named(change, words):
    whole = {"eligible": list(ARMS), "propensities": [0.25] * 4, "days_since": [None] * 4}
    row = {**make_rounds(1)[0], **whole, "chosen": "a", **change}
    with pytest.raises(ValueError, match=words):
        fit([row])


def test_days_that_are_missing_altogether_say_never():
    rounds = make_rounds(50)
    missing = [{**row, "days_since": None if i % 2 else d} for i, row in enumerate(rounds)
               for d in [row["days_since"]]]  # fmt: skip
    never = [{**row, "days_since": [None] * len(row["eligible"]) if i % 2 else row["days_since"]}
             for i, row in enumerate(rounds)]  # fmt: skip
    found = [read_whole_log(pd.DataFrame(log), ARMS).days_since for log in (missing, never)]
    assert np.array_equal(*found)
    dates = [{**row, "time": pd.Timestamp("2026-01-01").date()} for row in rounds]
    assert fit(dates).through == pd.Timestamp("2026-01-01").timestamp()
    assert fit([{**row, "time": None} for row in rounds]).through is None


def test_choices_follow_the_policy_and_are_ready_for_the_log():
    bandit = fit(make_rounds(200))
    eligible, days = [["a", "b", "d"]] * 20_000, [[None, 2.0, 9.0]] * 20_000
    choices = bandit.choose(eligible, days, seed=1)
    again = bandit.choose(eligible, days, seed=1)
    assert np.array_equal(choices.arms, again.arms)
    p = bandit.policy(eligible[:1], days[:1])[0]
    names, counts = np.unique(choices.arms.astype(str), return_counts=True)
    shares = dict(zip(names, counts / 20_000, strict=True))
    assert shares.keys() == {"a", "b", "d"}
    assert all(abs(shares[a] - p[ARMS.index(a)]) < 0.015 for a in shares)
    first = choices.propensities[0]
    assert choices.propensity[0] == first[["a", "b", "d"].index(choices.arms[0])]
    log = pd.DataFrame({"eligible": eligible, "chosen": choices.arms, "days_since": days})
    log["propensities"], log["reward"] = choices.propensities, 1.0
    assert bandit.fit(log).rounds == 20_000


@pytest.mark.parametrize("number", [0.0, 0.5, 1.0])
def test_draws_stay_in_their_round_and_off_what_has_no_chance(number):
    class Generator:
        def random(self, count):
            return np.full(count, number)

    lengths = np.full(999, 3)
    contexts = Contexts(lengths, np.tile([0, 1, 2], 999), np.full(2997, np.inf))
    p = np.tile([0.0, 0.1, 0.9], 999).reshape(999, 3)
    p[::2] = p[::2, [2, 1, 0]]
    places = draw(p.reshape(-1), contexts, Generator())
    assert (places // 3 == np.arange(999)).all()
    assert (p.reshape(-1)[places] > 0).all()


def test_a_saved_bandit_goes_on(tmp_path):
    rounds = make_rounds(100)
    bandit = fit(rounds[:60])
    bandit.save(tmp_path / "bandit.json")
    loaded = Bandit.load(tmp_path / "bandit.json")
    assert type(loaded) is RecoveringDifferenceSoftmax
    assert loaded.settings() == SETTINGS
    assert np.array_equal(loaded.scores, bandit.scores)
    assert (loaded.excluded, loaded.rounds) == (bandit.excluded, 60)
    with pytest.raises(ValueError, match="later than"):
        loaded.update(pd.DataFrame(rounds[:60]))
    loaded.update(pd.DataFrame(rounds[60:]))
    assert np.array_equal(loaded.scores, bandit.update(pd.DataFrame(rounds[60:])).scores)
    for text in (json.dumps({"kind": "none"}), "{", "[]"):
        (tmp_path / "bandit.json").write_text(text)
        with pytest.raises(ValueError, match="must be a"):
            Bandit.load(tmp_path / "bandit.json")


def test_other_settings_must_be_settings():
    with pytest.raises(ValueError, match=r"among gamma, half_life.* received arms, tau"):
        fit(make_rounds(20)).replace(tau=1.0, arms=["z"])


def test_flat_rounds_are_a_log_too():
    rounds = Rounds(
        np.array([2, 2]),
        np.array([0, 1, 1, 0]),
        np.full(4, np.inf),
        np.full(4, 0.5),
        np.array([0, 2]),
        np.array([1.0, 0.0]),
    )
    bandit = RecoveringDifferenceSoftmax(("a", "b"), shrinkage=0.0).fit(rounds)
    assert bandit.statistics.chosen.mean.tolist() == [1, 0]
    assert rounds.take(np.array([False, True])).chosen.tolist() == [0]
