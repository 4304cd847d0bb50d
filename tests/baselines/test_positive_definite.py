"""Positive definite matrices are inverted in place, of any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrs_ext.baselines import positive_definite
from tfrs_ext.baselines.positive_definite import invert_in_place


def draw(size, seed, ridge=1.0):
    """Returns a product of sparse columns with themselves, as EASE has it."""
    columns = np.random.default_rng(seed).random((2 * size, size)) < 0.1
    return columns.T.astype(np.float64) @ columns + ridge * np.eye(size)


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 60), seed=st.integers(0, 99), small=st.integers(1, 9))
def test_any_size_is_inverted_by_halves_down_to_any(size, seed, small):
    matrix = draw(size, seed)
    expected = np.linalg.inv(matrix)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(positive_definite, "_SMALL", small)
        invert_in_place(matrix)
    np.testing.assert_allclose(matrix, expected, rtol=1e-9, atol=1e-12)


def test_a_matrix_of_many_halves_gives_one_with_itself():
    matrix = draw(1100, seed=0, ridge=0.01)
    inverse = matrix.copy()
    invert_in_place(inverse)
    np.testing.assert_allclose(matrix @ inverse, np.eye(1100), atol=1e-8)
    np.testing.assert_allclose(inverse, inverse.T, atol=1e-10)


def test_a_singular_matrix_is_refused():
    with pytest.raises(np.linalg.LinAlgError):
        invert_in_place(np.zeros((3, 3)))
