"""TFRS's tutorials, written once: our classes in the place of TFRS's change what they should."""

import numpy as np
import pytest

from benchmarks.migration.__main__ import PROGRAMS
from benchmarks.migration.libraries import OURS, THEIRS, advised
from benchmarks.migration.listwise import listwise
from benchmarks.migration.problem import Problem
from benchmarks.migration.ranking import basic_ranking, multi_task
from benchmarks.migration.serving import efficient_serving
from tests.sweeps import mostly_slow
from tfrs_ext import data
from tfrs_ext._keras import keras


@pytest.fixture(scope="module")
def problem():
    frames, truth = data.synthetic(num_users=60, num_items=120, interactions_per_user=12)
    liked = truth.log_preferences[frames.user_rows(), frames.item_rows()]
    edges = np.quantile(liked, [0.2, 0.4, 0.6, 0.8])
    frames.interactions["rating"] = 1.0 + np.searchsorted(edges, liked)
    return Problem.of(frames)


def _run(program, library, problem):
    if program is efficient_serving:
        pytest.importorskip("scann")
    keras.backend.clear_session()
    keras.utils.set_random_seed(3)
    return program(library, problem, epochs=2)


@pytest.mark.parametrize("program", mostly_slow(PROGRAMS, [basic_ranking]))
def test_our_classes_in_the_place_of_theirs_learn_and_tell_the_same(program, problem):
    theirs, ours = (_run(program, library, problem) for library in (THEIRS, OURS))

    weights = (run.model.trainable_variables for run in (ours, theirs))
    for mine, other in zip(*weights, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    assert ours.figures.keys() == theirs.figures.keys()
    for name, figure in theirs.figures.items():
        if "top_k" in name:
            # TFRS scores a positive twice, and counts it against itself where roundings differ.
            assert figure - 1e-6 <= ours.figures[name] <= figure + 0.1
        elif "recall" in name:  # Of indexes that are trained at random.
            assert ours.figures[name] >= figure - 1e-3
        elif "loss" not in name:  # TFRS's are of the last batch.
            assert ours.figures[name] == pytest.approx(figure, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("program", [multi_task, listwise])
def test_programs_train_with_the_losses_that_we_advise(program, problem):
    plain, better = (_run(program, library, problem) for library in (OURS, advised(problem)))

    first, second = (run.model.trainable_variables[0].numpy() for run in (plain, better))
    assert np.isfinite(second).all()
    assert np.abs(first - second).max() > 1e-3
    assert all(np.isfinite(figure) for figure in better.figures.values())


def test_histories_hold_the_items_before_a_row_and_nobody_else_s(problem):
    rows = problem.rows
    for place in range(0, len(rows["rating"]), 97):
        mine = rows["user_id"] == rows["user_id"][place]
        before = mine & (rows["timestamp"] < rows["timestamp"][place])
        order = np.argsort(rows["timestamp"][before], kind="stable")
        wanted = rows["item_id"][before][order][-10:].tolist()
        found = [item for item in rows["history"][place].tolist() if item]
        assert found == wanted
    assert rows["is_last"].sum() == len(np.unique(rows["user_id"]))


def test_lists_are_of_one_user_and_of_one_part(problem):
    pairs = set(zip(problem.rows["user_id"], problem.rows["item_id"], strict=True))
    seen = set()
    for part in problem.lists():
        for batch in part:
            for user, items in zip(
                *(batch[n].numpy() for n in ("user_id", "item_id")), strict=True
            ):
                here = {(user, item) for item in items}
                assert len(here) == 5
                assert here <= pairs
                assert not here & seen
                seen |= here
