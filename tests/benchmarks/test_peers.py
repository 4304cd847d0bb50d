"""The harness for peers: what it asks, how it scores what comes back, and the page it makes."""

import importlib.util
import json
import math
import pathlib
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers import contest, differences, page
from benchmarks.peers.environments import make_environment
from benchmarks.peers.problem import PAIR, K, Problem, explode
from tfrs_ext import data, evaluation

ADAPTERS = contest.ADAPTERS


def load_adapter(name):
    """Returns a file of the adapters as a module, without the program that it may be."""
    spec = importlib.util.spec_from_file_location(name, ADAPTERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def exchange():
    return load_adapter("exchange")


@pytest.fixture(scope="module")
def problem():
    frames, _ = data.synthetic(40, 150, 12)
    return Problem("made-up", data.leave_one_out(frames))


def by_hand(train, validation, test):
    """Returns the problem of three tables of user, item and time."""
    rows = [*train, *validation, *test]
    log = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    frames = data.load_frames(log)
    ends = np.cumsum([len(train), len(validation), len(test)])
    rows = np.split(np.arange(len(log)), ends[:-1])
    return Problem("by hand", data.Split(*(frames.select(part) for part in rows)))


def parts_of(split):
    return split.train, split.validation, split.test


def rows_of(frames):
    return set(frames.interactions[PAIR].itertuples(index=False, name=None))


def test_everybody_is_asked_for_what_is_new_and_told_what_is_known(problem, tmp_path):
    problem.write(tmp_path, {"seed": 3})
    names = ("train", "known", "validation", "asked")
    tables = {name: pd.read_parquet(tmp_path / f"{name}.parquet") for name in names}
    train, validation, test = map(rows_of, parts_of(problem.split))
    assert set(tables["known"][PAIR].itertuples(index=False, name=None)) == train | validation
    assert len(tables["train"]) == len(problem.split.train.interactions)
    assert tables["known"]["timestamp"].is_monotonic_increasing
    assert set(explode(problem.wanted).itertuples(index=False, name=None)) == test - (
        train | validation
    )
    validated = set(tables["validation"].itertuples(index=False, name=None))
    assert validated == validation - train
    assert tables["asked"]["user_id"].is_unique
    assert json.loads(pathlib.Path(tmp_path, "spec.json").read_text()) == {"k": K, "seed": 3}


def test_users_without_a_history_and_items_that_they_had_are_no_question():
    found = by_hand(
        train=[(1, 10, 1), (1, 11, 2), (2, 10, 3)],
        validation=[(2, 12, 4), (3, 10, 4)],
        test=[(1, 10, 5), (1, 12, 6), (1, 12, 7), (2, 13, 8), (4, 10, 9)],
    )
    assert found.wanted.to_dict() == {1: [12], 2: [13]}
    # User 3 has no history before the validation part.
    assert found.validation.to_dict() == {2: [12]}
    facts = found.facts()
    assert facts["users_asked"] == 2
    assert facts["wanted_items_unknown_to_training"] == 1  # Training had 10 and 11 alone.


def test_answers_are_scored_as_by_hand_with_what_is_missing_as_missed():
    found = by_hand(
        train=[(user, 1, 1) for user in (1, 2, 3)],
        validation=[],
        test=[(1, 20, 2), (1, 21, 2), (2, 22, 2), (3, 23, 2)],
    )
    # User 1 finds one of two, at rank 2; user 2 at rank 12; user 3 gets no answer.
    answers = pd.DataFrame(
        [(1, 30, 1), (1, 20, 2), (2, 22, 12)], columns=["user_id", "item_id", "rank"]
    )
    result = found.score(answers)
    best_of_two = 1 + 1 / math.log2(3)
    assert result["ndcg_at_10"] == pytest.approx(1 / math.log2(3) / best_of_two / 3)
    assert result["recall_at_10"] == pytest.approx(0.5 / 3)
    one_of_one = 1 / math.log2(13)
    assert result["ndcg_at_100"] == pytest.approx((1 / math.log2(3) / best_of_two + one_of_one) / 3)
    assert result["recall_at_100"] == pytest.approx((0.5 + 1) / 3)


def test_the_watch_scores_validation_answers_as_evaluation_does(problem, exchange):
    rng = np.random.default_rng(0)
    lists = np.stack([rng.permutation(150)[:10] for _ in problem.validation.index])
    ids = problem.split.train.items["item_id"].to_numpy()[lists]
    found = exchange.ranked(problem.validation.index.to_numpy(), ids)
    expected = evaluation.evaluate_rankings(ids, problem.validation.tolist(), (10,))
    wanted = explode(problem.validation)
    assert exchange.ndcg(found, wanted) == pytest.approx(expected["ndcg_at_10"])


def test_the_watch_keeps_the_best_epoch_and_ends_after_the_patience(exchange, tmp_path):
    wanted = pd.DataFrame({"user_id": [1], "item_id": [5]})
    spec = {"max_epochs": 9, "patience": 2}
    watch = exchange.Watch(spec, tmp_path, lambda ask: exchange.ndcg(ask(), wanted), "ndcg_at_10")

    def after(rank):
        return lambda: pd.DataFrame({"user_id": [1], "item_id": [5], "rank": [rank]})

    over = [watch(after(rank), lambda rank=rank: rank) for rank in (4, 2, 3, 3)]
    assert over == [False, False, False, True]
    assert watch.kept == 2
    cost = watch.cost()
    assert (cost["best_epoch"], cost["epochs"]) == (2, 4)
    seconds = [row["seconds"] for row in watch.rows]
    assert cost["seconds_to_best"] == pytest.approx(sum(seconds[:2]))
    assert cost["validation_ndcg_at_10"] == pytest.approx(1 / math.log2(3))


def test_the_best_items_leave_out_those_that_were_seen(exchange):
    sparse = pytest.importorskip("scipy.sparse")
    scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]])
    seen = sparse.csr_matrix([[0, 1, 0], [1, 1, 1]])
    found = exchange.best_of(scores, seen, np.array([7, 8, 9]), k=2)
    assert found.tolist() == [[9, 7], [-1, -1]]


def test_factors_answer_by_inner_products_without_what_is_known(exchange, monkeypatch):
    pytest.importorskip("scipy.sparse")
    for name in ("exchange", "matrices"):  # The neighbour imports them by these names.
        monkeypatch.setitem(sys.modules, name, load_adapter(name))
    users, items = np.array([3, 8]), np.array([20, 21, 22])
    user_vectors, item_vectors = np.array([[1.0, 0], [0, 1.0]]), np.array([[3, 1], [2, 2], [1, 3]])
    factors = load_adapter("factors").Factors(users, items, user_vectors, item_vectors)
    known = pd.DataFrame({"user_id": [3, 8, 9], "item_id": [20, 21, 22]})
    found = factors.recommend(known, np.array([3, 8, 9]), 2)
    # User 9 is new to training; 8 had item 21, and 3 had item 20.
    assert found.to_numpy().tolist() == [[3, 21, 1], [3, 22, 2], [8, 22, 1], [8, 20, 2]]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([(1, 10, 1)], "must be new"),
        ([(1, 30, 1), (1, 30, 2)], "once a user"),
        ([(1, 30, 1), (1, 31, 1)], "once a user"),
        ([(9, 30, 1)], "who were asked"),
    ],
)
def test_answers_that_nobody_may_give_are_refused(answers, message):
    found = by_hand(train=[(1, 10, 1)], validation=[], test=[(1, 12, 2)])
    with pytest.raises(ValueError, match=message):
        found.score(pd.DataFrame(answers, columns=["user_id", "item_id", "rank"]))


def test_an_unknown_environment_is_named():
    with pytest.raises(ValueError, match="`name` must be one of rectools"):
        make_environment("rectoolz")
    assert make_environment("ours") == pathlib.Path(sys.executable)


def rows_for_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(contest, "RUNS", tmp_path)
    shared = {"dim": 8, "length": 5, "batch_size": 2, "max_epochs": 3, "patience": 1, "threads": 1}
    shared |= {
        f"{name}_{part}": 2.0
        for name in ("seconds", "processor_seconds")
        for part in ("to_best", "an_epoch")
    }
    shared |= {"epochs": 3, "best_epoch": 2, "answer_seconds": 1.0, "peak_megabytes": 1234.5}
    shared |= {"answer_processor_seconds": 1.0, "versions": {"numpy": "2.0"}, "load_average": 2.0}
    shared |= {"checked_by": "ir-measures 0.4", "date": "2026-01-02"}
    values = {
        "popularity": [0, 0, 1, 0],
        "ease": [1, 0, 1, 1],
        "implicit:implicit_als": [0, 0, 1, 1],
    }
    rows = []
    for name, found in values.items():
        result = evaluation.RetrievalResult({"ndcg_at_10": np.array(found, np.float64)})
        path = contest.result_path("made-up", name, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        result.save(path)
        mean = result["ndcg_at_10"]
        rows.append(
            {
                **shared,
                **dict.fromkeys(contest.METRICS, mean),
                "contestant": name,
                "seed": 0,
                "validation_ndcg_at_10": mean,
            }
        )
    return rows


def test_differences_are_paired_and_of_our_model_that_validation_chose(tmp_path, monkeypatch):
    found = differences.differences("made-up", rows_for_the_page(tmp_path, monkeypatch))
    assert found["our_best"] == "ease"
    gaps = found["our_best_less"]
    assert set(gaps) == {"popularity", "implicit:implicit_als"}
    assert gaps["popularity"]["mean"] == pytest.approx((1 + 0 + 0 + 1) / 4)
    assert gaps["popularity"]["low"] >= 0  # No query is worse: paired, no draw is.


def remove_results(contestant):
    contest.result_path("made-up", contestant, 0).unlink()


@pytest.mark.parametrize("gone", ["ease", "implicit:implicit_als"])
def test_differences_stay_where_results_by_query_are_gone(gone, tmp_path, monkeypatch):
    rows = rows_for_the_page(tmp_path, monkeypatch)
    before = differences.differences("made-up", rows)
    remove_results(gone)
    assert differences.differences("made-up", rows, kept=before) == before
    fresh = differences.differences("made-up", rows)["our_best_less"]
    assert "implicit:implicit_als" not in fresh


def test_differences_that_can_be_computed_replace_the_earlier_ones(tmp_path, monkeypatch):
    rows = rows_for_the_page(tmp_path, monkeypatch)
    found = differences.differences("made-up", rows)
    wider = {name: {**gap, "low": -9.0} for name, gap in found["our_best_less"].items()}
    remove_results("popularity")
    again = differences.differences("made-up", rows, kept={**found, "our_best_less": wider})
    assert again["our_best_less"]["popularity"]["low"] == -9.0
    assert again["our_best_less"]["implicit:implicit_als"]["low"] > -9.0


def test_differences_of_rows_that_changed_or_left_are_dropped(tmp_path, monkeypatch):
    rows = rows_for_the_page(tmp_path, monkeypatch)
    before = differences.differences("made-up", rows)
    remove_results("implicit:implicit_als")
    changed = [{**row} for row in rows]
    changed[2]["ndcg_at_10"] += 0.001
    another_seed = [*rows, {**rows[2], "seed": 1, "ndcg_at_10": 1.0}]
    for others in (changed, another_seed, rows[:2]):
        found = differences.differences("made-up", others, kept=before)
        assert set(found["our_best_less"]) == {"popularity"}


def test_differences_from_another_model_of_ours_are_dropped(tmp_path, monkeypatch):
    rows = rows_for_the_page(tmp_path, monkeypatch)
    before = differences.differences("made-up", rows)
    rows[0]["validation_ndcg_at_10"] = 3.0
    remove_results("popularity")
    found = differences.differences("made-up", rows, kept=before)
    assert found == {"our_best": "popularity", "our_best_less": {}}


def test_the_page_holds_a_row_for_each_contestant_by_its_words(tmp_path, monkeypatch):
    rows = rows_for_the_page(tmp_path, monkeypatch)
    facts = {"data": "made-up", "split": "leave-one-out", "tfrs_ext": "0.1", "training_rows": 1000}
    facts |= {"training_users": 4, "items": 9, "users_asked": 4, "wanted_items": 8}
    facts |= {"wanted_items_unknown_to_training": 0.25}
    facts |= {"machine": {"processor": "Abacus", "cores": 2}}
    facts |= differences.differences("made-up", rows)
    text = page.text_of([{"facts": facts, "rows": rows}])
    assert "## made-up, leave one out" in text
    assert "| **`ease`** | .7500 | .7500 | .7500 | .7500 | ours |" in text
    assert "| iALS of the library implicit | .5000 | .5000 | .5000 | .5000 | +.2500 [" in text
    assert "| iALS of the library implicit | 2.0 | 2.00 | 2 of 3 | 1.0 | 1,234 |" in text
    assert "1,000 rows" in text
    assert "SASRec of RecTools" in text.split("Not measured yet: ")[1].split("\n")[0]
    assert "`two_tower`" in text.split("Not measured yet: ")[1].split("\n")[0]
    assert "iALS" not in text.split("Not measured yet: ")[1].split("\n")[0]
    untimed = page.text_of([{"facts": {**facts, "split": "random"}, "rows": rows}])
    assert "SASRec of RecTools" in untimed.split("Not asked, as there are no times: ")[1]
    assert "SASRec" not in untimed.split("Not measured yet: ")[1].split("\n")[0]
    assert "25% are unknown" in text
    assert "with Abacus, 2 cores" in text
    assert "--peers implicit:implicit_als" in text
    assert "| numpy | 2.0 |" in text


def test_every_adapter_has_words_for_the_page_and_an_environment_of_its_own():
    words = {name: page.label_of(f"x:{name}") for name in page.retrieval_adapters()}
    assert words["rectools_sasrec"] == "SASRec of RecTools"
    assert words["rectools_bert4rec"] == "BERT4Rec of RecTools"
    assert "rank_ours" not in words  # It has no rows among those that retrieve.
    assert not {"independent_check", "rectools_transformers"} & set(words)  # They answer nothing.
    assert len(set(words.values())) == len(words)
