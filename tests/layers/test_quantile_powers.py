import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import run_layer_test
from tfrs_ext.layers import QuantilePowers

FINITE = st.integers(-10_000, 10_000).map(lambda number: number / 8)


def test_behaves_as_a_keras_layer(tmp_path):
    data = np.linspace(-3, 12, 7, dtype=np.float32)
    run_layer_test(lambda: QuantilePowers([0.0, 1.0, 10.0]), data, tmp_path, trains=False)


@settings(deadline=None, max_examples=50)
@given(st.lists(FINITE, min_size=2, max_size=9, unique=True), st.lists(FINITE, max_size=6))
def test_interpolates_between_distinct_quantiles(quantiles, values):
    quantiles = np.sort(np.float32(quantiles))
    values = np.float32([*values, *quantiles])
    u, square, root = QuantilePowers(quantiles)(values).numpy().T
    expected = np.interp(
        np.float64(values), np.float64(quantiles), np.linspace(0, 1, len(quantiles))
    )
    np.testing.assert_allclose(u, expected, atol=1e-4)
    np.testing.assert_allclose(square, u**2, rtol=1e-6)
    np.testing.assert_allclose(root, np.sqrt(u), rtol=1e-6)


def test_quantiles_that_repeat_count_as_the_middle_of_their_levels():
    # A third of the rows are 0: quantiles 0, 0, 0, then 1 .. 4.
    layer = QuantilePowers([0, 0, 0, 1, 2, 3, 4])
    values = np.float32([-5, 0, 0.5, 1, 4, 99])
    np.testing.assert_allclose(layer(values)[:, 0], np.array([1, 1, 2.5, 3, 6, 6]) / 6, rtol=1e-6)
    assert float(QuantilePowers([7, 7, 7])(np.float32([7]))[0, 0]) == 0.5


def test_training_rows_come_out_even():
    rows = np.random.default_rng(0).lognormal(3, 2, 2000).astype(np.float32)
    layer = QuantilePowers(np.quantile(rows, np.linspace(0, 1, 101)))
    counts, _ = np.histogram(layer(rows)[:, 0], bins=10, range=(0, 1))
    assert abs(counts - 200).max() < 10


def test_numbers_beyond_half_precision_keep_their_place():
    layer = QuantilePowers([0.0, 1e6, 2e6], dtype="mixed_float16")
    np.testing.assert_allclose(layer(np.float32([1e6]))[:, 0], [0.5])


@pytest.mark.parametrize("quantiles", [[], [1.0], [2.0, 1.0], [1.0, float("nan")]])
def test_rejects_what_is_not_ascending(quantiles):
    with pytest.raises(ValueError, match="`quantiles` must be two or more ascending numbers"):
        QuantilePowers(quantiles)
