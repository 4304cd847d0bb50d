"""EASE is the closed form, and says what it takes before it takes it."""

import tracemalloc

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext.baselines import EASE

RNG = np.random.default_rng(0)
USERS, ITEMS = 40, 12
MATRIX = (RNG.random((USERS, ITEMS)) < 0.3).astype(np.float64)
MATRIX[np.arange(USERS), np.arange(USERS) % ITEMS] = 1  # Nobody is without a history.
HISTORIES = tf.ragged.constant([np.flatnonzero(row).tolist() for row in MATRIX], dtype=tf.int64)


def _weights(matrix, regularization):
    gram = matrix.T @ matrix + regularization * np.eye(matrix.shape[1])
    inverse = np.linalg.inv(gram)
    weights = np.eye(len(gram)) - inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def test_scores_are_those_of_the_closed_form():
    baseline = EASE(ITEMS, regularization=3.0).fit(HISTORIES)
    np.testing.assert_allclose(baseline(HISTORIES), MATRIX @ _weights(MATRIX, 3.0), atol=1e-6)


def test_weights_minimise_the_error_without_a_diagonal():
    weights = EASE(ITEMS, regularization=3.0).fit(HISTORIES)(tf.range(ITEMS)[:, None]).numpy()

    def loss(some):
        return np.sum((MATRIX - MATRIX @ some) ** 2) + 3.0 * np.sum(some**2)

    for step in np.eye(ITEMS * ITEMS).reshape(-1, ITEMS, ITEMS)[:: ITEMS - 1]:
        other = weights + 0.01 * step * (1 - np.eye(ITEMS))
        assert loss(weights) <= loss(other) + 1e-6


def test_the_largest_weights_of_each_item_are_kept():
    weights = _weights(MATRIX, 3.0)
    for row in weights:
        row[np.argsort(-np.abs(row))[4:]] = 0
    baseline = EASE(ITEMS, regularization=3.0, neighbors=4).fit(HISTORIES)
    np.testing.assert_allclose(baseline(HISTORIES), MATRIX @ weights, atol=1e-6)


@pytest.mark.parametrize("neighbors", [None, 5])
def test_the_most_popular_items_alone_are_solved_for(neighbors):
    counts = MATRIX.sum(axis=0)
    kept = np.sort(np.argsort(-counts, kind="stable")[:5])
    expected = np.zeros((USERS, ITEMS))
    expected[:, kept] = MATRIX[:, kept] @ _weights(MATRIX[:, kept], 3.0)
    silent = ~expected.any(axis=1)
    expected[silent] = counts / (1 + counts.max()) - 1
    baseline = EASE(ITEMS, regularization=3.0, neighbors=neighbors, max_items=5).fit(HISTORIES)
    np.testing.assert_allclose(baseline(HISTORIES), expected, atol=1e-6)


def test_memory_is_said_before_it_is_taken_and_refused_above_the_limit():
    lines = []
    EASE(ITEMS).fit(HISTORIES, print_fn=lines.append)
    assert lines == ["EASE solves for 12 items, which takes 0.00 GB"]
    with pytest.raises(ValueError, match="would take 160\\.0 GB: give `max_items=22360`") as error:
        EASE(100_000).fit(HISTORIES, print_fn=lines.append)
    assert "memory_limit=8.0 GB" in str(error.value)
    assert len(lines) == 1


def test_solving_takes_no_more_memory_than_it_says():
    count = 1200
    histories = tf.constant(RNG.integers(0, count, [500, 20]))
    for neighbors in (None, 30):
        baseline = EASE(count, neighbors=neighbors)
        tracemalloc.start()
        baseline.fit(histories)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert 8 * count**2 < peak < 16 * count**2


@pytest.mark.parametrize("argument", [{"regularization": 0.0}, {"neighbors": 0}, {"max_items": 0}])
def test_arguments_out_of_range_are_named(argument):
    with pytest.raises(ValueError, match=f"`{next(iter(argument))}` must be"):
        EASE(ITEMS, **argument)
