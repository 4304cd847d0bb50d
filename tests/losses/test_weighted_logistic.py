import json

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_loss_test
from tfrs_ext._keras import keras
from tfrs_ext.losses import WeightedLogistic

RNG = np.random.default_rng(0)
AMOUNTS = np.where(RNG.random((20, 1)) < 0.4, RNG.exponential(30, (20, 1)), 0).astype(np.float32)
LOGITS = RNG.normal(0, 3, (20, 1)).astype(np.float32)


def test_is_a_keras_loss(tmp_path):
    # The harness trains a linear layer: negative odds are taken for the smallest.
    run_loss_test(WeightedLogistic, AMOUNTS.reshape(5, 4), np.exp(LOGITS).reshape(5, 4), tmp_path)


def test_is_logistic_regression_weighted_by_amounts():
    p = 1 / (1 + np.exp(-np.float64(LOGITS)))
    weights = np.where(AMOUNTS > 0, AMOUNTS, 1)
    rows = -weights * np.where(AMOUNTS > 0, np.log(p), np.log(1 - p))
    actual = WeightedLogistic("none")(AMOUNTS, np.exp(LOGITS))
    np.testing.assert_allclose(actual, rows[:, 0], rtol=1e-4)
    theirs = keras.losses.BinaryCrossentropy(from_logits=True)
    expected = theirs(AMOUNTS > 0, LOGITS, sample_weight=weights)
    np.testing.assert_allclose(WeightedLogistic()(AMOUNTS, np.exp(LOGITS)), expected, rtol=1e-5)


def test_is_least_at_the_sum_of_amounts_over_the_number_of_negatives():
    best = AMOUNTS.sum() / np.sum(AMOUNTS == 0)
    odds = tf.Variable(best, dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = WeightedLogistic()(AMOUNTS, odds * tf.ones([20, 1]))
    np.testing.assert_allclose(tape.gradient(loss, odds), 0, atol=1e-3)
    for other in (0.9 * best, 1.1 * best):
        assert WeightedLogistic()(AMOUNTS, np.full((20, 1), other)) > loss


@pytest.mark.parametrize("odds", [0.0, 1e-38, 1e38, np.inf])
@pytest.mark.parametrize("amount", [0.0, 1e4])
def test_extreme_odds_give_finite_losses_and_gradients(odds, amount):
    value = tf.Variable([[odds]], dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = WeightedLogistic()([[amount]], value)
    assert np.isfinite(loss)
    assert np.isfinite(tape.gradient(loss, value)).all()


def test_negative_amounts_are_refused():
    with pytest.raises(tf.errors.InvalidArgumentError, match="`y_true` must not be negative"):
        WeightedLogistic()([[-1.0]], [[1.0]])


def test_configuration_is_json():
    config = json.loads(json.dumps(WeightedLogistic("sum", name="watch").get_config()))
    again = WeightedLogistic.from_config(config)
    assert (again.reduction, again.name) == ("sum", "watch")
