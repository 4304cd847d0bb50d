"""A search that is killed at any write goes on as if nothing had been."""

import pytest

from tests.tuning.simulated import KINDS, Killed, tuner_of, without_collecting_garbage
from tfrs_ext import tuning
from tfrs_ext.tuning import _bridge, _mend


def outcome(result):
    """What must not depend on kills: everything but the time."""
    rows = sorted(result.trials, key=lambda row: row["trial"])
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def run(kind, folder, kwargs):
    tuner = tuner_of(kind, folder, **kwargs)
    return tuning.search(tuner, tell=lambda line: None)


class Writes:
    """Counts the writes of JSON files and kills before or after the one that is asked for."""

    def __init__(self, kill_at=None, after=False):
        self.kill_at, self.after, self.count = kill_at, after, 0

    def __call__(self, path, value):
        self.count += 1
        if self.count == self.kill_at and not self.after:
            raise Killed
        text = _mend.save_json(path, value)
        if self.count == self.kill_at:
            raise Killed
        return text


def replace_writes(monkeypatch, writes):
    monkeypatch.setattr(_bridge.keras_tuner.src.utils, "save_json", writes)
    monkeypatch.setattr("tfrs_ext.tuning._ledger.save_json", writes)


def check_kills(kind, kwargs, tmp_path, monkeypatch, step):
    without_collecting_garbage(monkeypatch)
    counted = Writes()
    with monkeypatch.context() as patch:
        replace_writes(patch, counted)
        whole = run(kind, tmp_path / "whole", kwargs)
    for at in range(1, counted.count + 1, step(counted.count)):
        folder = tmp_path / str(at)
        with monkeypatch.context() as patch:
            replace_writes(patch, Writes(at, after=at % 2 == 0))
            with pytest.raises(Killed):
                run(kind, folder, kwargs)
        assert outcome(run(kind, folder, kwargs)) == outcome(whole), f"killed at write {at}"


@pytest.mark.parametrize(("kind", "kwargs"), KINDS)
def test_a_kill_loses_no_trial_and_repeats_none(kind, kwargs, tmp_path, monkeypatch):
    check_kills(kind, kwargs, tmp_path, monkeypatch, step=lambda count: count // 3)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "kwargs"), KINDS)
def test_a_kill_at_any_write_loses_no_trial_and_repeats_none(kind, kwargs, tmp_path, monkeypatch):
    check_kills(kind, kwargs, tmp_path, monkeypatch, step=lambda count: 1)
