"""A search that is killed at any write goes on as if nothing had been."""

import json
import pathlib

import pytest

from tests.tuning.simulated import (
    KINDS,
    Killed,
    Simulated,
    tuner_of,
    without_collecting_garbage,
)
from tfrs_ext import tuning
from tfrs_ext.tuning import bridge, repairs
from tfrs_ext.tuning.trials import recovery
from tfrs_ext.tuning.trials.records import TrialRecord, TrialRecords
from tfrs_ext.tuning.trials.watch import TrialWatch


def outcome(result):
    """What must not depend on kills: everything but the time."""
    rows = sorted(result.trials, key=lambda row: row["trial"])
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def run(kind, folder, kwargs, **options):
    hypermodel = Simulated()
    tuner = tuner_of(kind, folder, hypermodel, **kwargs)
    return tuning.search(tuner, print_fn=lambda line: None, **options), len(hypermodel.trained)


class Writes:
    """Writes JSON files, and kills before or after the write that is asked for."""

    def __init__(self, chosen=lambda path, count: False, after=False):
        self.chosen, self.after, self.count = chosen, after, 0

    def __call__(self, path, value):
        self.count += 1
        kill = self.chosen(pathlib.Path(path).name, self.count)
        if kill and not self.after:
            raise Killed
        text = repairs.save_json(path, value)
        if kill:
            raise Killed
        return text


def run_killed(kind, folder, kwargs, monkeypatch, writes):
    with monkeypatch.context() as patch:
        patch.setattr(bridge.keras_tuner.src.utils, "save_json", writes)
        patch.setattr("tfrs_ext.tuning.trials.records.write_json", writes)
        with pytest.raises(Killed):
            run(kind, folder, kwargs)


def completed(folder):
    states = [json.loads(path.read_text()) for path in folder.glob("p/trial_*/trial.json")]
    return sum(state["status"] == "COMPLETED" for state in states)


def check_kills(kind, kwargs, tmp_path, monkeypatch, step):
    without_collecting_garbage(monkeypatch)
    counted = Writes()
    with monkeypatch.context() as patch:
        patch.setattr(bridge.keras_tuner.src.utils, "save_json", counted)
        patch.setattr("tfrs_ext.tuning.trials.records.write_json", counted)
        whole, trained = run(kind, tmp_path / "whole", kwargs)
    for at in range(1, counted.count + 1, step(counted.count)):
        folder = tmp_path / str(at)
        writes = Writes(lambda name, count, at=at: count == at, after=at % 2 == 0)
        run_killed(kind, folder, kwargs, monkeypatch, writes)
        done = completed(folder)
        resumed, trained_again = run(kind, folder, kwargs)
        assert outcome(resumed) == outcome(whole), f"killed at write {at}"
        assert trained_again == trained - done, f"killed at write {at}"


@pytest.mark.parametrize(("kind", "kwargs"), KINDS)
def test_a_kill_loses_no_trial_and_repeats_none(kind, kwargs, tmp_path, monkeypatch):
    check_kills(kind, kwargs, tmp_path, monkeypatch, step=lambda count: count // 3)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "kwargs"), KINDS)
def test_a_kill_at_any_write_loses_no_trial_and_repeats_none(kind, kwargs, tmp_path, monkeypatch):
    check_kills(kind, kwargs, tmp_path, monkeypatch, step=lambda count: 1)


def killed_at(name, number, tmp_path, monkeypatch, after, **kwargs):
    """Leaves a search that was killed at the n-th write of a file."""
    kwargs = {"max_trials": 3, **kwargs}
    seen = []

    def chosen(written, count):
        seen.append(written)
        return written == name and seen.count(name) == number

    without_collecting_garbage(monkeypatch)
    run_killed(tuning.RandomSearch, tmp_path, kwargs, monkeypatch, Writes(chosen, after))
    return kwargs


def test_a_trial_whose_end_was_saved_by_itself_alone_is_not_trained_again(tmp_path, monkeypatch):
    # trial.json is written when a trial begins, when it reports, and when it ends.
    kwargs = killed_at("trial.json", 3, tmp_path, monkeypatch, after=True)
    assert completed(tmp_path) == 1
    result, trained = run(tuning.RandomSearch, tmp_path, kwargs)
    assert (len(result.trials), trained) == (3, 2)


def test_a_trial_s_time_before_a_kill_counts(tmp_path):
    records, objective = TrialRecords(tmp_path), tuning.Objective("loss", "min")
    records.write("7", TrialRecord(seconds=100.0))
    watch = TrialWatch("7", records, objective, lambda values: False)
    watch.on_train_begin()
    watch.save()
    assert 100 <= records.read("7").seconds < 110


def test_a_trial_that_never_began_leaves_nothing(tmp_path, monkeypatch):
    kwargs = killed_at("trial.json", 4, tmp_path, monkeypatch, after=True)
    result, trained = run(tuning.RandomSearch, tmp_path, kwargs, trials=1)
    assert ([row["status"] for row in result.trials], trained) == (["COMPLETED"], 0)


def test_a_search_whose_tuner_has_a_name_resumes(tmp_path, monkeypatch):
    kwargs = killed_at("trial.json", 5, tmp_path, monkeypatch, after=True, tuner_id="mine")
    result, trained = run(tuning.RandomSearch, tmp_path, kwargs)
    assert (len(result.trials), trained) == (3, 2)


def test_what_an_interrupted_trial_reported_is_forgotten(tmp_path, monkeypatch):
    kwargs = killed_at("trial.json", 2, tmp_path, monkeypatch, after=True)
    tuner = tuner_of(tuning.RandomSearch, tmp_path, **kwargs)
    recovery.recover(tuner)
    (trial,) = tuner.oracle.trials.values()
    assert not trial.metrics.exists(tuner.oracle.objective.name)


def test_hyper_parameters_that_a_trial_discovered_survive(tmp_path, monkeypatch):
    class Discovers(Simulated):
        def fit(self, hp, model, **kwargs):
            hp.Int("late", 1, 9)
            return super().fit(hp, model, **kwargs)

    monkeypatch.setattr("tests.tuning.test_recovery.Simulated", Discovers)
    kwargs = killed_at("trial.json", 3, tmp_path, monkeypatch, after=True)
    tuner = tuner_of(tuning.RandomSearch, tmp_path, **kwargs)
    recovery.recover(tuner)
    assert "late" in {parameter.name for parameter in tuner.oracle.get_space().space}
