"""A search around the best so far: what changes, what stays, what becomes active."""

import pytest

from tests.tuning.simulated import Simulated, tuner_of, without_collecting_garbage
from tests.tuning.toy import OBJECTIVE
from tfrs_ext import tuning

objective = tuning.Objective(OBJECTIVE, "max")
DEFAULTS = {"width": 64, "rate": 0.01, "layers": 2, "kind": "plain", "gate": False}


class Space(Simulated):
    def build(self, hp):
        hp.Choice("width", [16, 32, 64, 128, 256, 512, 1024], default=64)
        hp.Float("rate", 1e-4, 1.0, sampling="log", default=0.01)
        hp.Int("layers", 1, 9, default=2)
        hp.Choice("kind", ["plain", "other", "third"], default="plain")
        hp.Boolean("gate", default=False)
        hp.Fixed("fixed", 7)
        hp.Choice("only", ["one"])
        with hp.conditional_scope("kind", ["other"]):
            hp.Int("late", 1, 9, default=5)
        return super().build(tuning.fixed({}))


def search(tmp_path, curve, trials=25, **kwargs):
    tuner = tuner_of(tuning.LocalSearch, tmp_path, Space(curve), max_trials=trials, **kwargs)
    result = tuning.search(tuner, print_fn=lambda line: None, stop_hopeless=False)
    return sorted(result.trials, key=lambda row: int(row["trial"]))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    without_collecting_garbage(monkeypatch)


def changed(values, centre):
    return {name for name in DEFAULTS if values[name] != centre[name]}


def test_every_trial_changes_a_few_values_of_the_best_before_it(tmp_path):
    rows = search(tmp_path, lambda values, epoch: -values["layers"])
    assert {name: rows[0]["values"][name] for name in DEFAULTS} == DEFAULTS
    best = rows[0]
    for row in rows[1:]:
        # Of equals, keras-tuner's order of trials decides; all of them are as good.
        tops = [r for r in rows[: rows.index(row)] if r["score"] == best["score"]]
        assert any(1 <= len(changed(row["values"], top["values"])) <= 3 for top in tops)
        best = max(best, row, key=lambda r: r["score"])
    assert best["values"]["layers"] == 1


def test_what_a_change_makes_active_starts_at_its_default(tmp_path):
    rows = search(tmp_path, lambda values, epoch: values["kind"] != "other")
    late = [row["values"]["late"] for row in rows if row["values"]["kind"] == "other"]
    assert late
    assert set(late) == {5}
    assert all("late" in row["values"] or row["values"]["kind"] != "other" for row in rows)


def test_what_cannot_vary_stays(tmp_path):
    rows = search(tmp_path, lambda values, epoch: values["rate"], trials=8)
    assert {(row["values"]["fixed"], row["values"]["only"]) for row in rows} == {(7, "one")}


def test_numbers_move_by_small_steps_on_their_own_scale(tmp_path):
    rows = search(tmp_path, lambda values, epoch: -epoch)
    rates = [row["values"]["rate"] for row in rows if row["values"]["rate"] != 0.01]
    assert len(rates) > 3
    assert all(1e-4 <= rate <= 1.0 for rate in rates)
    near = [rate for rate in rates if 0.01 / 40 < rate < 0.01 * 40]  # Two deviations, of 10^0.8.
    assert len(near) > 0.7 * len(rates)


def test_from_good_defaults_it_climbs_higher_than_as_many_random_trials(tmp_path):
    names = [f"x{i}" for i in range(9)]

    class Many(Simulated):
        def build(self, hp):
            for name in names:
                hp.Float(name, 0.0, 1.0, default=0.5)
            return super().build(tuning.fixed({}))

    def hill(values, epoch):
        return -sum((values[name] - 0.3) ** 2 for name in names)

    local, random = (
        tuning.search(
            kind(Many(hill), objective, max_trials=12, seed=0, directory=tmp_path / name),
            print_fn=lambda line: None,
        ).score
        for name, kind in {"local": tuning.LocalSearch, "random": tuning.RandomSearch}.items()
    )
    assert local > random >= hill(dict.fromkeys(names, 0.5), 0)


def test_a_space_that_is_used_up_ends_the_search(tmp_path):
    class Small(Simulated):
        def build(self, hp):
            hp.Boolean("height", default=False)
            return super().build(tuning.fixed({}))

    tuner = tuner_of(tuning.LocalSearch, tmp_path, Small(lambda values, epoch: 1.0), max_trials=9)
    result = tuning.search(tuner, print_fn=lambda line: None)
    assert len(result.trials) == 2
