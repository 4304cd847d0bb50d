"""What the streaming paper's simulation claims, in a short run of the benchmark."""

import numpy as np
import pytest

from benchmarks.streaming_frequency import Ours, Paper, follow

STEPS, ROWS = 400, 128


@pytest.fixture(scope="module")
def errors():
    estimators = {"ours without collisions": Ours(2**20, 1, 0.1, ROWS)}
    estimators["paper without collisions"] = Paper(2**20, 1, 0.1)
    for total in (1000, 4000):
        for hashes in (1, 2, 4):
            estimators[total, hashes] = Ours(total // hashes, hashes, 0.1, ROWS)
    return {name: np.array(e) for name, e in follow(estimators, STEPS, ROWS, 50).items()}


def test_fewer_buckets_err_more(errors):
    half = len(errors[1000, 1]) // 2
    for at in (half - 1, -1):
        assert errors[1000, 1][at] > 1.2 * errors[4000, 1][at]
        assert errors[4000, 1][at] > errors["ours without collisions"][at]


def test_several_hashes_err_less_with_as_many_buckets_in_all(errors):
    assert errors[4000, 2][-1] < errors[4000, 1][-1]
    assert errors[4000, 4][-1] < errors[4000, 1][-1]


def test_the_estimate_recovers_from_the_shift(errors):
    for name in ("ours without collisions", (4000, 4)):
        half = len(errors[name]) // 2
        before, shifted, after = errors[name][[half - 1, half, -1]]
        assert shifted > 1.3 * before
        assert after < (before + shifted) / 2


def test_it_errs_no_more_than_the_papers_algorithm(errors):
    ours, paper = errors["ours without collisions"], errors["paper without collisions"]
    assert np.all(ours < 1.1 * paper)
