import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import baselines

rng = np.random.default_rng(5)
HISTORIES = [rng.integers(0, 9, rng.integers(0, 7)).tolist() for _ in range(30)]


def test_neighbours_are_those_of_a_plain_product():
    matrix = np.zeros((30, 9))
    for user, items in enumerate(HISTORIES):
        matrix[user, items] = 1
    norms = np.linalg.norm(matrix, axis=0)
    cosines = matrix.T @ matrix / np.outer(norms, norms)
    np.fill_diagonal(cosines, 0)
    found, values = baselines.nearest_items(tf.ragged.constant(HISTORIES), 9, k=4)
    for item in range(9):
        np.testing.assert_allclose(values[item], np.sort(cosines[item])[::-1][:4], rtol=1e-5)
        np.testing.assert_allclose(cosines[item, found[item]], values[item], rtol=1e-5)


def test_padding_is_nobody_and_a_position_beyond_the_items_is_refused():
    ragged = baselines.nearest_items(tf.ragged.constant([[0, 1], [0], [2]]), 3, k=2)
    padded = baselines.nearest_items([[0, 1], [0, -1], [2, -1]], 3, k=2)
    for ours, theirs in zip(padded, ragged, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="positions below num_candidates=3, received 3"):
        baselines.nearest_items(tf.ragged.constant([[0, 1], [0, 3], [2]]), 3)


def test_no_neighbours_are_refused():
    with pytest.raises(ValueError, match="`k` must be a positive integer"):
        baselines.nearest_items(tf.ragged.constant(HISTORIES), 9, k=0)
