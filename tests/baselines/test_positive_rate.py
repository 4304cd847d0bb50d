import numpy as np
import pytest

from tfrs_ext.baselines import PositiveRate


def test_rates_are_smoothed_shares_of_positives():
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(5, size=60), rng.integers(2, size=60)
    found = PositiveRate(prior=3.0).fit(ids, labels)(np.arange(6))
    mean = labels.mean()
    for item in range(5):
        own = labels[ids == item]
        assert found[item] == pytest.approx((own.sum() + 3 * mean) / (len(own) + 3))
    assert found[5] == pytest.approx(mean)  # Never seen.


def test_a_prior_is_positive():
    with pytest.raises(ValueError, match="`prior` must be greater than 0, received prior=0"):
        PositiveRate(prior=0)
