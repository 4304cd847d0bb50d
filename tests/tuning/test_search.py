"""`tuning.search`: budgets, progress, hopeless trials, failures, seeds, on known curves."""

import json
import math
import random

import numpy as np
import pytest
import tensorflow as tf

from tests.tuning import toy
from tests.tuning.simulated import (
    KINDS,
    Killed,
    Simulated,
    curve,
    tuner_of,
    without_collecting_garbage,
)
from tfrs_ext import tuning
from tfrs_ext._keras import keras
from tfrs_ext.tuning.trials import watch


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    without_collecting_garbage(monkeypatch)


def silent(line):
    pass


@pytest.mark.parametrize(("kind", "kwargs"), KINDS)
def test_result_holds_the_best_trial_and_a_row_for_each(kind, kwargs, tmp_path):
    tuner = tuner_of(kind, tmp_path, **kwargs)
    result = tuning.search(tuner, print_fn=silent)
    assert (result.objective, result.direction) == (toy.OBJECTIVE, "max")
    assert len(result.trials) == len(tuner.oracle.trials)
    best = max(tuner.oracle.trials.values(), key=lambda trial: trial.score)
    assert result.score == best.score == curve(result.best, result.best_epoch - 1)
    assert set(result.best) == {"height", "kind"}
    assert result.trials[0]["values"] == result.best
    for row in result.trials:
        assert row["curve"][-1][0] == row["epochs"]
        assert all(value == curve(row["values"], epoch - 1) for epoch, value in row["curve"])


def test_the_first_trial_tries_the_defaults(tmp_path):
    for kind, kwargs in KINDS:
        tuner = tuner_of(kind, tmp_path / kind.__name__, **kwargs)
        rows = tuning.search(tuner, trials=1, print_fn=silent).trials
        assert rows[0]["values"] == {"height": 0.1, "kind": 1}


def test_what_the_user_fixed_stays_fixed(tmp_path):
    hp = tuning.HyperParameters()
    hp.Fixed("height", 0.4)
    tuner = tuner_of(tuning.RandomSearch, tmp_path, max_trials=3, hyperparameters=hp)
    result = tuning.search(tuner, print_fn=silent)
    assert [row["values"]["height"] for row in result.trials] == [0.4] * 3
    assert sorted(row["values"]["kind"] for row in result.trials) == [1, 2, 3]


def test_what_the_user_fixed_stays_fixed_under_a_condition_too():
    hp = tuning.HyperParameters()
    hp.Fixed("negatives", "in_batch")
    hp.Choice("kind", ["softmax", "full"])
    for kind in ("softmax", "full"):
        hp.values["kind"] = kind
        with hp.conditional_scope("kind", ["softmax"]):
            found = hp.Choice("negatives", ["uniform", "in_batch"], default="uniform")
            with hp.conditional_scope("negatives", ["uniform"]):
                assert hp.Int("num_negatives", 1, 9) is None
        assert found == ("in_batch" if kind == "softmax" else None)
    assert [p.name for p in hp.space] == ["negatives", "kind", "num_negatives"]


def test_result_survives_json(tmp_path):
    result = tuning.search(tuner_of(tuning.RandomSearch, tmp_path, max_trials=2), print_fn=silent)
    result.save(tmp_path / "result.json")
    assert tuning.SearchResult.load(tmp_path / "result.json") == result
    assert json.loads(json.dumps(result.get_config())) == result.get_config()


def test_lower_is_better_where_the_direction_says_so(tmp_path):
    tuner = tuner_of(tuning.RandomSearch, tmp_path, max_trials=4)
    tuner.oracle.objective = tuning.Objective(toy.OBJECTIVE, "min")
    result = tuning.search(tuner, print_fn=silent)
    assert result.score == min(row["score"] for row in result.trials)
    assert result.best_epoch == 1


def test_no_trial_begins_beyond_the_number_asked_for(tmp_path):
    for trials in (2, 2, 3):
        tuner = tuner_of(tuning.RandomSearch, tmp_path, max_trials=9)
        assert len(tuning.search(tuner, trials=trials, print_fn=silent).trials) == trials


class Clock:
    """Time that passes only when a trial trains: `pace` seconds an epoch."""

    def __init__(self, monkeypatch, pace):
        self.now, self.pace = 0.0, pace
        monkeypatch.setattr(watch.time, "monotonic", lambda: self.now)

    def curve(self, values, epoch):
        self.now += self.pace
        return curve(values, epoch)


def test_no_trial_begins_that_would_not_end_within_the_budget(tmp_path, monkeypatch):
    clock = Clock(monkeypatch, pace=10)
    for budget, trials in ((100, 2), (119, 2), (120, 3)):
        tuner = tuner_of(tuning.RandomSearch, tmp_path, Simulated(clock.curve), max_trials=9)
        result = tuning.search(tuner, budget_seconds=budget, print_fn=silent)
        assert [row["seconds"] for row in result.trials] == [40] * trials


def test_a_trial_that_is_over_the_budget_stops_after_its_epoch_and_counts(tmp_path, monkeypatch):
    clock = Clock(monkeypatch, pace=10)
    tuner = tuner_of(tuning.RandomSearch, tmp_path, Simulated(clock.curve), max_trials=9)
    result = tuning.search(tuner, budget_seconds=15, print_fn=silent)
    (row,) = result.trials
    assert (row["epochs"], row["stopped"], row["status"]) == (2, "budget", "COMPLETED")
    assert result.score == curve(result.best, 1)


def test_progress_says_which_trial_of_how_many_and_what_is_left(tmp_path, monkeypatch):
    clock, lines = Clock(monkeypatch, pace=10), []
    tuner = tuner_of(tuning.RandomSearch, tmp_path, Simulated(clock.curve), max_trials=3)
    tuning.search(tuner, budget_seconds=10_000, stop_hopeless=False, print_fn=lines.append)
    assert len(lines) == 6
    assert lines[0].startswith("trial 1 of 3: height=0.")
    assert lines[1].startswith(f"trial 1 of 3: 40 s, {toy.OBJECTIVE} 0.")
    assert lines[1].endswith(" in trial 1), about 1 min 20 s left")
    assert lines[5].endswith(", about 0 s left")


def test_hyperband_says_how_many_trials_it_plans(tmp_path):
    lines = []
    tuner = tuner_of(tuning.Hyperband, tmp_path, max_epochs=4, factor=2)
    result = tuning.search(tuner, print_fn=lines.append)
    assert lines[0].startswith(f"trial 1 of {len(result.trials)}: ")


def test_hopeless_trials_stop_early_and_others_do_not(tmp_path):
    heights = iter([0.5, 0.6, 0.4, 0.1, 0.55])

    class Ordered(Simulated):
        def fit(self, hp, model, **kwargs):
            self.height = next(heights)
            return super().fit(hp, model, **kwargs)

    hypermodel = Ordered(lambda values, epoch: hypermodel.height * (epoch + 1))
    tuner = tuner_of(tuning.RandomSearch, tmp_path, hypermodel, max_trials=5)
    result = tuning.search(tuner, print_fn=silent)
    rows = {row["trial"]: (row["epochs"], row["stopped"]) for row in result.trials}
    assert list(dict(sorted(rows.items())).values()) == [
        (4, None),
        (4, None),
        (4, None),
        (2, "hopeless"),
        (4, None),
    ]


def test_nothing_is_stopped_where_nothing_shall_be(tmp_path):
    for kind, kwargs in ((tuning.RandomSearch, {"max_trials": 9}), KINDS[-1]):
        tuner = tuner_of(kind, tmp_path / kind.__name__, **kwargs)
        halves = kind is tuning.Hyperband
        result = tuning.search(tuner, stop_hopeless=halves, print_fn=silent)
        assert {row["stopped"] for row in result.trials} == {None}


def test_a_trial_that_trains_twice_is_judged_by_one_curve_at_a_time(tmp_path):
    tuner = tuner_of(tuning.RandomSearch, tmp_path, max_trials=1, executions_per_trial=2)
    result = tuning.search(tuner, print_fn=silent)
    record = json.loads((tmp_path / "p" / "trial_0" / "history.json").read_text())
    assert record["epochs"] == [1, 2, 3, 4]
    assert record["values"] == [curve(result.best, epoch) for epoch in range(4)]


def boom(values, epoch):
    raise ZeroDivisionError(f"kind {values['kind']}")


def test_a_search_in_which_all_fails_raises_the_first_error(tmp_path):
    tuner = tuner_of(tuning.RandomSearch, tmp_path, Simulated(boom), max_trials=2)
    with pytest.raises(tuning.SearchError, match=r"trial 1: (?s:.*)ZeroDivisionError: kind 1"):
        tuning.search(tuner, print_fn=silent)


def test_failures_in_a_row_raise_the_first_error_and_not_the_last(tmp_path):
    errors = iter("abcdef")

    def fails(values, epoch):
        raise ZeroDivisionError(next(errors))

    tuner = tuner_of(tuning.RandomSearch, tmp_path, Simulated(fails), max_trials=9)
    with pytest.raises(tuning.SearchError, match="3 trials failed in a row\ntrial 1: "):
        tuning.search(tuner, print_fn=silent)
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["FAILED"] * 3
    with pytest.raises(tuning.SearchError, match="ZeroDivisionError: a"):
        tuning.search(tuner_of(tuning.RandomSearch, tmp_path, Simulated(fails)), print_fn=silent)
    assert next(errors, None) is None


def test_one_failure_among_others_is_a_row_that_says_why(tmp_path):
    def sometimes(values, epoch):
        return boom(values, epoch) if values["kind"] == 1 else curve(values, epoch)

    lines = []
    tuner = tuner_of(tuning.RandomSearch, tmp_path, Simulated(sometimes), max_trials=5)
    result = tuning.search(tuner, print_fn=lines.append)
    failed = [row for row in result.trials if row["status"] == "FAILED"]
    assert failed
    assert result.trials[-len(failed) :] == tuple(failed)
    assert all("ZeroDivisionError: kind 1" in row["error"] for row in failed)
    assert sum(line.endswith("failed: ZeroDivisionError: kind 1") for line in lines) == len(failed)


def test_a_trial_that_was_interrupted_in_this_process_is_run_again(tmp_path):
    calls = []

    class Interrupted(Simulated):
        def fit(self, hp, model, **kwargs):
            calls.append(dict(hp.values))
            if len(calls) == 2:
                raise KeyboardInterrupt
            return super().fit(hp, model, **kwargs)

    tuner = tuner_of(tuning.RandomSearch, tmp_path, Interrupted(), max_trials=3)
    with pytest.raises(KeyboardInterrupt):
        tuning.search(tuner, print_fn=silent)
    result = tuning.search(tuner, print_fn=silent)
    assert [row["status"] for row in result.trials] == ["COMPLETED"] * 3
    assert calls[1] == calls[2]
    assert len(calls) == 4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_objective_that_is_not_finite_is_a_failure(value, tmp_path):
    tuner = tuner_of(
        tuning.RandomSearch, tmp_path, Simulated(lambda values, epoch: value), max_trials=2
    )
    with pytest.raises(tuning.SearchError, match=r"must be finite, received (nan|-?inf) after 1"):
        tuning.search(tuner, print_fn=silent)


def test_an_objective_that_fit_returns_as_infinite_is_a_failure(tmp_path):
    class Returns(Simulated):
        def fit(self, hp, model, **kwargs):
            return math.inf if hp.values["kind"] == 1 else 0.25

    tuner = tuner_of(tuning.RandomSearch, tmp_path, Returns(), max_trials=5)
    result = tuning.search(tuner, print_fn=silent)
    assert result.score == 0.25
    assert {row["status"] for row in result.trials} == {"COMPLETED", "FAILED"}
    assert len(tuner.get_best_hyperparameters(9)) == 5


def test_an_objective_that_nothing_reports_is_named_at_once(tmp_path):
    tuner = tuner_of(tuning.RandomSearch, tmp_path, max_trials=9)
    tuner.oracle.objective = tuning.Objective("val_recall_at_5", "max")
    with pytest.raises(tuning.SearchError, match=f"reported: .'{toy.OBJECTIVE}'.; give"):
        tuning.search(tuner, print_fn=silent)
    assert len(tuner.oracle.trials) == 1


def test_every_trial_starts_from_the_same_seed(tmp_path):
    drawn = []

    def draws(values, epoch):
        drawn.append((random.random(), np.random.rand(), float(tf.random.uniform([]))))  # noqa: NPY002
        return curve(values, epoch)

    for seed in (3, 4):
        tuner = tuner_of(tuning.RandomSearch, tmp_path / str(seed), Simulated(draws), max_trials=2)
        tuning.search(tuner, seed=seed, epochs=1, print_fn=silent)
    assert drawn[0] == drawn[1] != drawn[2] == drawn[3]


@pytest.mark.slow
def test_a_trial_that_was_killed_gives_what_it_would_have_given(tmp_path):
    data = toy.interactions()

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise Killed

    def run(folder, *callbacks):
        tuner = tuning.RandomSearch(
            toy.build,
            tuning.Objective(toy.OBJECTIVE, "max"),
            max_trials=2,
            seed=5,
            directory=tmp_path / folder,
        )
        callbacks = [toy.Evaluation(data), *callbacks]
        return tuning.search(
            tuner, data, validation_data=data, epochs=3, callbacks=callbacks, print_fn=silent
        )

    for _ in range(2):
        with pytest.raises(Killed):
            run("killed", Kill())
    whole, resumed = run("whole"), run("killed")
    assert [row["score"] for row in resumed.trials] == [row["score"] for row in whole.trials]
    assert [row["values"] for row in resumed.trials] == [row["values"] for row in whole.trials]
    assert resumed.trials[0]["epochs"] == 3
