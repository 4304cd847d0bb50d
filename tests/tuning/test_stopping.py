"""The median rule, by hand."""

import hypothesis
import pytest
from hypothesis import strategies as st

from tfrs_ext.tuning.trials.stopping import is_hopeless

OTHERS = [[1, 3], [2, 4], [3, 5]]  # Averages 2, 3 and 4 after two epochs.


@pytest.mark.parametrize(
    ("values", "expected"), [([0, 2.9], True), ([2.9, 0], True), ([0, 3], False), ([0], False)]
)
def test_the_best_value_so_far_is_held_against_the_median_average(values, expected):
    assert is_hopeless(values, OTHERS, maximize=True) is expected
    mirrored = [[-value for value in other] for other in OTHERS]
    assert is_hopeless([-v for v in values], mirrored, maximize=False) is expected


def test_trials_that_did_not_come_as_far_have_no_say():
    assert not is_hopeless([0, 0], [*OTHERS[:2], [9]], maximize=True)
    assert is_hopeless([0, 0], [*OTHERS, [-9]], maximize=True)


@hypothesis.given(
    st.lists(st.lists(st.floats(-10, 10), min_size=4, max_size=4), min_size=1, max_size=9)
)
def test_the_best_trial_of_all_is_never_hopeless(curves):
    best = max(curves, key=max)
    for epochs in range(1, 5):
        ahead = [max(best[:epochs]) >= max(other[:epochs]) for other in curves]
        if all(ahead):
            assert not is_hopeless(best[:epochs], curves, maximize=True)
