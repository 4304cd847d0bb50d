"""Calibration error and ratio, and normalised entropy."""

import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_metric_test
from tests.oracles import gauc as oracle
from tfrs_ext._keras import keras
from tfrs_ext.metrics import CalibrationRatio, ExpectedCalibrationError, NormalizedEntropy

RNG = np.random.default_rng(0)
PREDICTIONS = np.concatenate([RNG.random(60), [0.0, 1.0]]).astype(np.float32)
LABELS = (RNG.random(62) < 0.3).astype(np.float32)
WEIGHTS = RNG.integers(0, 4, 62).astype(np.float32)
ALL = [ExpectedCalibrationError, CalibrationRatio, NormalizedEntropy]


@pytest.mark.parametrize("kind", ALL)
def test_behaves_as_a_keras_metric(kind):
    rows = [(LABELS[i::3], PREDICTIONS[i::3], WEIGHTS[i::3]) for i in range(3)]
    run_metric_test(kind, rows, tolerance=1e-5)


@pytest.mark.parametrize("num_bins", [1, 4, 10])
def test_error_equals_the_loops(num_bins):
    metric = ExpectedCalibrationError(num_bins)
    metric.update_state(LABELS, PREDICTIONS, WEIGHTS)
    expected = oracle.calibration_error(LABELS, PREDICTIONS, WEIGHTS, num_bins)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)


def test_ratio_is_that_of_the_means():
    metric = CalibrationRatio()
    metric.update_state(LABELS, PREDICTIONS, WEIGHTS)
    expected = (WEIGHTS * PREDICTIONS).sum() / (WEIGHTS * LABELS).sum()
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)


@pytest.mark.parametrize("from_logits", [False, True])
def test_entropy_is_the_loss_over_that_of_the_base_rate(from_logits):
    p = np.clip(PREDICTIONS.astype(np.float64), 0.01, 0.99)
    metric = NormalizedEntropy(from_logits)
    metric.update_state(LABELS, np.log(p / (1 - p)) if from_logits else p, WEIGHTS)

    def loss(q):
        return -(WEIGHTS * (LABELS * np.log(q) + (1 - LABELS) * np.log(1 - q))).sum()

    rate = (WEIGHTS * LABELS).sum() / WEIGHTS.sum()
    np.testing.assert_allclose(metric.result(), loss(p) / loss(rate), rtol=1e-5)


def test_saying_the_base_rate_is_calibrated_and_worth_nothing():
    rate = np.full_like(LABELS, LABELS.mean())
    values = []
    for kind in ALL:
        metric = kind()
        metric.update_state(LABELS, rate)
        values.append(float(metric.result()))
    np.testing.assert_allclose(values, [0, 1, 1], atol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_no_rows_give_zero(kind):
    assert kind().result() == 0


def test_all_run_in_fit_on_two_replicas(two_replicas):
    with two_replicas.scope():
        model = keras.Sequential([keras.Input([1]), keras.layers.Lambda(lambda x: x)])
        model.compile(loss="mse", metrics=[kind() for kind in ALL])
    rows = tf.data.Dataset.from_tensor_slices((PREDICTIONS[:, None], LABELS)).batch(20)
    _, *values = model.evaluate(rows, verbose=0)
    for kind, value in zip(ALL, values, strict=True):
        metric = kind()
        metric.update_state(LABELS, PREDICTIONS)
        np.testing.assert_allclose(value, metric.result(), rtol=1e-5)


@pytest.mark.parametrize("kind", ALL)
def test_rejects_labels_and_probabilities_outside_of_the_unit_interval(kind):
    with pytest.raises(tf.errors.InvalidArgumentError, match="`y_true` must be in"):
        kind().update_state([-1.0], [0.5])
    with pytest.raises(tf.errors.InvalidArgumentError, match="`y_pred` must be in"):
        kind().update_state([1.0], [np.nan])


def test_rejects_too_few_bins():
    with pytest.raises(ValueError, match="`num_bins` must be at least 1"):
        ExpectedCalibrationError(0)
