"""The harness for peers: what it asks, and how it scores what comes back."""

import json
import pathlib

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers.environments import make_environment
from benchmarks.peers.ours import answer
from benchmarks.peers.problem import K, Problem
from tfrs_ext import data


@pytest.fixture(scope="module")
def problem():
    frames, _ = data.synthetic(40, 150, 12)
    return Problem("made-up", data.leave_one_out(frames))


def rows_of(frames):
    return set(frames.interactions[["user_id", "item_id"]].itertuples(index=False, name=None))


def test_everybody_is_asked_for_what_is_new_and_told_what_is_known(problem, tmp_path):
    problem.write(tmp_path, {"seed": 3})
    train, known = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("train", "known"))
    had = rows_of(problem.split.train) | rows_of(problem.split.validation)
    assert set(known[["user_id", "item_id"]].itertuples(index=False, name=None)) == had
    assert len(train) == len(problem.split.train.interactions)
    wanted = problem.questions().explode()
    assert set(wanted.items()) == rows_of(problem.split.test) - had
    assert pd.read_parquet(tmp_path / "asked.parquet")["user_id"].is_unique
    assert json.loads(pathlib.Path(tmp_path, "spec.json").read_text()) == {"k": K, "seed": 3}


def test_a_positive_at_rank_r_scores_as_by_hand(problem):
    wanted = problem.questions()
    ranks = np.arange(len(wanted)) % 12 + 1
    found = pd.DataFrame({"user_id": [*wanted.index], "item_id": [*wanted.str[0]], "rank": ranks})
    result = problem.score(found)
    assert result["ndcg_at_10"] == pytest.approx(np.mean((ranks <= 10) / np.log2(ranks + 1)))
    assert result["recall_at_10"] == pytest.approx(np.mean(ranks <= 10))


def test_an_answer_that_the_user_is_known_to_have_had_is_refused(problem):
    user, item = next(iter(rows_of(problem.split.validation)))
    with pytest.raises(ValueError, match="must be new"):
        problem.score(pd.DataFrame({"user_id": [user], "item_id": [item], "rank": [1]}))


def test_a_baseline_of_ours_answers_in_the_same_form(problem):
    found, cost = answer(problem, "popularity", {})
    assert cost["seconds"] > 0
    train = problem.split.train.interactions["item_id"].value_counts()
    user = problem.questions().index[0]
    mine = found[found["user_id"] == user].sort_values("rank")
    counts = train.reindex(mine["item_id"]).fillna(0).to_numpy()
    assert (np.diff(counts) <= 0).all()
    assert 0 <= problem.score(found)["recall_at_100"] <= 1


def test_an_unknown_environment_is_named():
    with pytest.raises(ValueError, match="`name` must be one of rectools"):
        make_environment("rectoolz")
