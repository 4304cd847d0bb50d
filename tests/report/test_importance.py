import numpy as np
import pytest

from tfrs_ext.report import Importance, importance


def _rows(count, score, seed=0):
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        values = {
            "rate": float(rng.uniform()),
            "kind": str(rng.choice(["a", "b"])),
            "fixed": 3,
            "idle": int(rng.integers(5)),
        }
        if values["kind"] == "b":
            values["only_b"] = float(rng.uniform())
        rows.append({"values": values, "score": score(values, rng)})
    return rows


def test_shares_sum_to_one_and_find_what_the_score_was_made_of():
    found = importance(_rows(60, lambda v, rng: v["rate"] + 0.01 * rng.normal()))
    assert isinstance(found, Importance)
    assert sum(mean for mean, _, _ in found.shares.values()) == pytest.approx(1)
    assert found.shares["rate"][0] > 0.9
    assert found.explained > 0.8
    assert found.trials == 60
    assert set(found.shares) == {"rate", "kind", "idle", "only_b"}  # One never varied.


def test_categories_and_values_that_only_some_trials_have_count():
    kinds = importance(_rows(60, lambda v, rng: float(v["kind"] == "b")))
    assert kinds.shares["kind"][0] + kinds.shares["only_b"][0] > 0.95
    inner = importance(_rows(80, lambda v, rng: v.get("only_b", 0.5)))
    assert inner.shares["only_b"][0] > 0.8


def test_noise_is_recognised():
    assert importance(_rows(40, lambda v, rng: rng.normal())).explained < 0.1


def test_there_is_no_answer_from_few_trials_or_without_variation():
    rows = _rows(12, lambda v, rng: v["rate"])
    failed = [{**row, "score": None} for row in rows]
    assert importance(rows) is not None
    assert importance(rows[:9] + failed) is None
    assert importance([{"values": {"a": 1}, "score": 0.1}] * 20) is None


def test_the_same_trials_give_the_same_shares():
    rows = _rows(20, lambda v, rng: v["rate"])
    assert importance(rows) == importance(rows)
