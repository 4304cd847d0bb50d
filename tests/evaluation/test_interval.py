"""The interval of repeats against SciPy's, and how intervals are shown."""

import math

import numpy as np
import pytest
from scipy import stats

from tfrs_ext.evaluation import Interval


@pytest.mark.parametrize("count", [2, 3, 30, 1000])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_repeats_have_the_interval_of_students_t(count, level):
    values = np.random.default_rng(count).normal(3.0, 2.0, count)
    found = Interval.of_repeats(values, level)
    error = np.std(values, ddof=1) / np.sqrt(count)
    low, high = stats.t.interval(level, count - 1, values.mean(), error)
    np.testing.assert_allclose(found, [values.mean(), low, high], rtol=1e-9)


def test_a_single_repeat_has_no_bounds():
    interval = Interval.of_repeats([0.25])
    assert interval.mean == 0.25
    assert math.isnan(interval.low)
    assert not interval.has_bounds
    assert not interval.excludes_zero
    assert str(interval) == "0.2500"


def test_an_interval_is_shown_in_the_format_that_is_asked_for():
    interval = Interval(0.5, 0.25, 0.75)
    assert str(interval) == "0.5000 [0.2500, 0.7500]"
    assert f"{interval:.1%}" == "50.0% [25.0%, 75.0%]"
    assert interval.half_width == 0.25


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.2), (-0.2, -0.1)])
def test_bounds_on_one_side_exclude_zero(low, high):
    assert Interval((low + high) / 2, low, high).excludes_zero
    assert not Interval(0.0, -abs(low), abs(high)).excludes_zero


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="`values` must be a list of at least one number"):
        Interval.of_repeats([])
    with pytest.raises(ValueError, match=r"`level` must lie between 0 and 1, received level=1"):
        Interval.of_repeats([1.0, 2.0], level=1)


def test_an_estimate_with_a_known_error_has_the_normal_interval():
    np.testing.assert_allclose(Interval.of_error(2.0, 0.5), [2, 2 - 0.979982, 2 + 0.979982])
    np.testing.assert_allclose(Interval.of_error(0.0, 1.0, level=0.5), [0, -0.67449, 0.67449], 1e-5)
    assert not Interval.of_error(1.0, float("nan")).has_bounds
    with pytest.raises(ValueError, match="`level`"):
        Interval.of_error(0.0, 1.0, level=1.0)
