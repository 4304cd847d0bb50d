"""TFRS's tutorials, written once: our classes in the place of TFRS's change what they should."""

import numpy as np
import pytest

from benchmarks.migration.__main__ import PROGRAMS
from benchmarks.migration.libraries import OURS, THEIRS, advised
from benchmarks.migration.problem import Problem
from tests.sweeps import mostly_slow
from tfrs_ext import data
from tfrs_ext._keras import keras


@pytest.fixture(scope="module")
def problem():
    frames, truth = data.synthetic(num_users=80, num_items=60, interactions_per_user=12)
    liked = truth.log_preferences[frames.user_rows(), frames.item_rows()]
    edges = np.quantile(liked, [0.2, 0.4, 0.6, 0.8])
    frames.interactions["rating"] = 1.0 + np.searchsorted(edges, liked)
    return Problem.of(frames)


def _run(program, library, problem):
    keras.backend.clear_session()
    keras.utils.set_random_seed(3)
    return program(library, problem, epochs=2)


@pytest.mark.parametrize("program", mostly_slow(PROGRAMS, PROGRAMS[:1]))
def test_our_classes_in_the_place_of_theirs_learn_and_tell_the_same(program, problem):
    theirs, ours = (_run(program, library, problem) for library in (THEIRS, OURS))

    for mine, other in zip(
        ours.model.trainable_variables, theirs.model.trainable_variables, strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-5)
    losses = [name for name in theirs.figures if "loss" in name]  # TFRS's are of the last batch.
    for name in theirs.figures.keys() - losses:
        assert ours.figures[name] == pytest.approx(theirs.figures[name], abs=1e-3)
    assert ours.figures.keys() == theirs.figures.keys()
