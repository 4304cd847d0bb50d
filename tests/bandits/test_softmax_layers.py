"""The variants of the softmax, by hand, by a loop, and as layers."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tfrs_ext.bandits import (
    BonusSoftmax,
    DifferenceSoftmax,
    bonus_softmax,
    recovering_difference_softmax,
)

LOGITS = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


def softmax(row):
    powers = [math.exp(x) for x in row]
    return [power / sum(powers) for power in powers]


def difference_softmax(logits, alpha, project):
    p = [softmax(row) for row in logits]
    mean = [sum(column) / len(p) for column in zip(*p, strict=True)]
    moved = [[x + alpha * (x - m) for x, m in zip(row, mean, strict=True)] for row in p]
    if project:
        moved = [[max(x, 0.0) for x in row] for row in moved]
    return [[x / sum(row) for x in row] for row in moved]


@pytest.mark.parametrize("project", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 3.0])
def test_rows_move_away_from_the_batchs_mean(alpha, project):
    logits = LOGITS.astype(np.float64)
    result = recovering_difference_softmax(logits, alpha, project=project)
    np.testing.assert_allclose(result, difference_softmax(logits, alpha, project), atol=1e-12)
    np.testing.assert_allclose(tf.reduce_sum(result, axis=1), 1)
    assert not project or (result.numpy() >= 0).all()


def test_a_batch_of_one_gives_the_softmax_and_an_unbounded_alpha_no_distribution():
    np.testing.assert_allclose(
        recovering_difference_softmax(LOGITS[:1], 2.0), tf.nn.softmax(LOGITS[:1]), rtol=1e-6
    )
    assert (recovering_difference_softmax(LOGITS, 3.0).numpy() < 0).any()


def test_the_articles_softmax_has_the_right_numbers():
    np.testing.assert_allclose(
        bonus_softmax([[2.0, 1.0, 0.5]], 0.0), [[0.6285, 0.2312, 0.1402]], atol=5e-5
    )
    np.testing.assert_allclose(bonus_softmax([[2.0, 1.0]], [[-1.0, 0.0]]), [[0.5, 0.5]])


@pytest.mark.parametrize("project", [False, True])
def test_difference_softmax_is_a_layer(tmp_path, project):
    run_layer_test(lambda: DifferenceSoftmax(0.7, project), LOGITS, tmp_path, trains=False)


def test_bonus_softmax_is_a_layer(tmp_path):
    run_layer_test(BonusSoftmax, LOGITS, tmp_path)


def test_a_bonus_can_be_set():
    layer = BonusSoftmax(initializer="ones")
    layer(LOGITS)
    layer.set_weights([np.array([5.0, 0.0, 0.0, 0.0])])
    np.testing.assert_allclose(layer(LOGITS), bonus_softmax(LOGITS, [5.0, 0, 0, 0]), rtol=1e-6)


def test_a_negative_alpha_is_refused():
    with pytest.raises(ValueError, match="`alpha` must be >= 0"):
        DifferenceSoftmax(-1.0)
