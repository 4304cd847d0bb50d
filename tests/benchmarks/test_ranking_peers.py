"""The harness for peers that rank: its rows, how predictions are scored, and their section."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import contest, differences, page, ranking_contest, ranking_problem
from benchmarks.peers.ranking_problem import RankingProblem, auc_by_row, with_negatives
from tests.benchmarks.test_peers import rows_for_the_page


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(0)
    users = rng.integers(0, 20, 400)
    table = pd.DataFrame({"user_id": users + 100, "item_id": rng.choice([*"abcdef"], 400)})
    found = RankingProblem("made-up", table.assign(label=rng.integers(0, 2, 400)), (0.1, 0.2))
    found.table.loc[found.rows["validation"][:1], "item_id"] = "new"
    return found


def test_every_row_is_in_one_part_and_told_by_codes_of_the_training_part(problem):
    parts = problem.parts
    assert {name: len(part) for name, part in parts.items()} == {
        "validation": 40,
        "test": 80,
        "train": 280,
    }
    assert sorted(np.concatenate(list(problem.rows.values()))) == list(range(400))
    learnt = problem.table.iloc[problem.rows["train"]]
    for name, part in parts.items():
        rows = problem.table.iloc[problem.rows[name]]
        for column in problem.columns:
            pairs = set(zip(rows[column], part[column], strict=True))
            known = {pair for pair in pairs if pair[0] in set(learnt[column])}
            assert len(known) == len({code for _, code in known}) == len({v for v, _ in known})
            is_new = (name, column) == ("validation", "item_id")
            assert pairs - known == ({("new", 0)} if is_new else set())
            assert all(0 < code < problem.sizes[column] for _, code in known)


def test_contestants_are_not_told_the_labels_of_the_test_part(problem, tmp_path):
    problem.write(tmp_path, {"seed": 3})
    assert list(pd.read_parquet(tmp_path / "test.parquet")) == ["user_id", "item_id"]
    assert "label" in pd.read_parquet(tmp_path / "validation.parquet")
    spec = json.loads((tmp_path / "spec.json").read_text())
    assert spec == {"seed": 3, "sizes": problem.sizes}


def test_negatives_are_items_that_nobody_used_in_that_context():
    uses = pd.DataFrame({"user_id": [1, 1, 2, 2], "item_id": [*"abcd"], "weather": [*"xxxy"]})
    found = with_negatives(uses, 2)
    assert found["label"].tolist() == [1] * 4 + [0] * 8
    negatives = found[found["label"] == 0]
    assert negatives["user_id"].value_counts().to_dict() == {1: 4, 2: 4}
    assert set(negatives[negatives["user_id"] == 1]["item_id"]) <= {"c", "d"}
    pd.testing.assert_frame_equal(found, with_negatives(uses, 2))  # Drawn once, the same for all.


@pytest.mark.parametrize("decimals", [1, 6])
def test_values_by_row_have_the_auc_as_mean_and_its_spread(decimals):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 300)
    scores = np.round(rng.random(300) + labels / 3, decimals)  # One decimal: many ties.
    positives, negatives = scores[labels == 1], scores[labels == 0]
    pairs = positives[:, None] - negatives
    wins = (pairs > 0) + (pairs == 0) / 2
    found = auc_by_row(labels, scores)
    assert found.mean() == pytest.approx(wins.mean())
    # The variance of DeLong: that of the positives' shares, and that of the negatives'.
    parts = [wins.mean(axis).var() / wins.shape[1 - axis] for axis in (0, 1)]
    assert found.var() / len(found) == pytest.approx(sum(parts))


def answering(monkeypatch, tmp_path, check):
    """Replaces the processes: predictions that rise row by row, and a check that is told."""

    def call(python, script, words, threads):
        if script.stem == "rank_check":
            (out / "check.json").write_text(json.dumps({"library": "abacus 1", "values": check}))
            return
        cost = {"epochs": 1, "best_epoch": 1, "rows": [{"auc": 0.7}]}
        out.mkdir(parents=True)
        (out / "cost.json").write_text(json.dumps(cost))
        rows = len(pd.read_parquet(f"{words[0]}/test.parquet"))
        pd.DataFrame({"prediction": np.linspace(0.1, 0.9, rows)}).to_parquet(
            out / "answers.parquet"
        )
        assert (script.name, threads) == ("rank_deepctr.py", 1)

    out = tmp_path / "exchange" / "made-up" / "deepctr-DCN-0" / "out"
    monkeypatch.setattr(contest, "HOME", tmp_path)
    monkeypatch.setattr(contest, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(contest, "make_environment", lambda name: name)
    monkeypatch.setattr(contest, "call", call)


def test_a_contestant_is_scored_by_ours_and_checked_by_another(problem, monkeypatch, tmp_path):
    answers = pd.DataFrame({"prediction": np.linspace(0.1, 0.9, 80)})
    scores = problem.score(answers)
    answering(monkeypatch, tmp_path, {name: scores[name] for name in ranking_problem.METRICS})
    row = ranking_contest.measure(problem, "deepctr:DCN", {"seed": 0, "threads": 1})
    assert {name: row[name] for name in scores if name in row} == {
        name: scores[name] for name in ranking_problem.METRICS
    }
    assert (row["checked_by"], row["by_epoch"]) == ("abacus 1", [0.7])
    kept = contest.result_path("made-up", "deepctr:DCN", 0)
    assert np.load(kept)["auc"].mean() == pytest.approx(scores["auc"])
    assert not (tmp_path / "exchange" / "made-up" / "deepctr-DCN-0").exists()


def test_a_check_that_differs_is_an_error(problem, monkeypatch, tmp_path):
    answering(monkeypatch, tmp_path, {"auc": 0.123})
    with pytest.raises(ValueError, match="abacus 1 scores"):
        ranking_contest.measure(problem, "deepctr:DCN", {"seed": 0, "threads": 1})


def test_the_page_has_sections_on_ranking_after_those_on_retrieval(tmp_path, monkeypatch):
    rows = []
    for row in rows_for_the_page(tmp_path, monkeypatch)[:2]:
        names = {"popularity": "dnn", "ease": "deepctr:DCN"}
        name = names[row["contestant"]]
        value = 0.9 if name == "dnn" else 0.8
        metrics = {"auc": value, "gauc": 0.7, "log_loss": 0.25, "validation_auc": value}
        rows.append({**row, **metrics, "contestant": name})
    facts = {"task": "ranking", "data": "made-up", "columns": ["user_id", "item_id"]}
    facts |= {"train_rows": 1000, "validation_rows": 100, "test_rows": 200, "positive": 1 / 3}
    facts |= {"machine": {"processor": "Abacus", "cores": 2}, "tfrs_ext": "0.1"}
    facts |= {"our_best": "dnn", "our_best_less": {"deepctr:DCN": [0.1, 0.05, 0.15]}}
    text = page.text_of([{"facts": facts, "rows": rows}])
    assert "## made-up, ranking" in text
    assert "| **`dnn`** | .9000 | .7000 | .2500 | ours |" in text
    assert "| DCN of DeepCTR-Torch | .8000 | .7000 | .2500 | +.1000 [+.0500, +.1500] |" in text
    assert "33% of them positive" in text
    assert "rank --data made-up" in text
    assert "Not measured yet" not in text


def test_differences_draw_the_rows_of_a_user_together(tmp_path, monkeypatch):
    rows = rows_for_the_page(tmp_path, monkeypatch)
    users = np.array([1, 1, 2, 2])  # Ease is ahead in one row of each: no draw of users moves it.
    found = differences.differences("made-up", rows, clusters=users)["our_best_less"]["popularity"]
    assert found == {"mean": 0.5, "low": 0.5, "high": 0.5}
    alone = differences.differences("made-up", rows)["our_best_less"]["popularity"]
    assert alone["low"] < 0.5 < alone["high"]
