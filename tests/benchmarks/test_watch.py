"""The regression watch says what has moved, and nothing of noise."""

import json
import sys

import pytest

from benchmarks import watch


@pytest.mark.parametrize(
    ("found", "kept", "moved"),
    [
        ((1.5, 0.01), (1.0, 0.01), True),
        ((1.02, 0.0), (1.0, 0.0), False),  # Too little to matter.
        ((1.5, 0.2), (1.0, 0.1), False),  # Within the noise.
        ((0.8, 0.01), (1.0, 0.01), True),
    ],
)
def test_a_move_is_more_than_both_noises(found, kept, moved):
    assert watch.Ratio(*found).has_moved(watch.Ratio(*kept)) == moved


def test_the_ratio_is_that_of_the_times(monkeypatch):
    costs = {"ours": 3.0, "other": 2.0}
    monkeypatch.setattr(watch, "_seconds", lambda call: costs[call()])
    ratio = watch.Ratio.of(lambda: "ours", lambda: "other")
    assert (ratio.value, ratio.noise) == (1.5, 0.0)


def test_what_became_slower_is_named_and_ends_in_an_exit_code(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(watch, "KEPT", tmp_path / "watch.json")
    monkeypatch.setattr(watch, "CHECKS", {"sum": lambda: (lambda: "ours", lambda: "other")})
    costs = {"ours": 1.0, "other": 1.0}
    monkeypatch.setattr(watch, "_seconds", lambda call: costs[call()])
    monkeypatch.setattr(sys, "argv", ["watch", "--keep"])
    with pytest.raises(SystemExit, match="0"):
        watch.main()
    costs["ours"] = 2.0
    monkeypatch.setattr(sys, "argv", ["watch"])
    with pytest.raises(SystemExit, match="1"):
        watch.main()
    said = capsys.readouterr().out
    assert "was 1.000, slower" in said
    assert "another machine" not in said


def test_ratios_of_another_machine_are_called_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(watch, "KEPT", tmp_path / "watch.json")
    kept = {"ratios": {}, "machine": {"processor": "Z80", "avx512": False, "cores": 1}}
    watch.KEPT.write_text(json.dumps(kept))
    assert watch.read_kept() == {}
    assert "another machine" in capsys.readouterr().out
