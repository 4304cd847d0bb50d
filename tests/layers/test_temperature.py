import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tfrs_ext._keras import keras
from tfrs_ext.layers import LearnableTemperature, Temperature

SCORES = np.array([[1.0, -2.0], [0.5, 3.0]], "float32")
schedules = keras.optimizers.schedules


def _halving():
    return schedules.ExponentialDecay(0.8, decay_steps=1, decay_rate=0.5)


@pytest.mark.parametrize(
    "make",
    [lambda: Temperature(np.float64(0.2)), lambda: Temperature(_halving())],
    ids=["fixed", "scheduled"],
)
def test_keras_contract(make, tmp_path):
    run_layer_test(make, SCORES, tmp_path, trains=False)


def test_keras_contract_of_the_learned_one(tmp_path):
    run_layer_test(lambda: LearnableTemperature(0.2), SCORES, tmp_path)


@pytest.mark.parametrize("layer", [Temperature(0.2), LearnableTemperature(0.2)])
def test_gives_the_scale_or_scales(layer):
    assert layer().shape == ()
    assert layer().dtype == tf.float32
    np.testing.assert_allclose(layer(), 1 / 0.2, rtol=1e-6)
    np.testing.assert_allclose(layer(SCORES), SCORES / 0.2, rtol=1e-6)
    np.testing.assert_allclose(layer(tf.cast(SCORES, tf.float16)), SCORES / 0.2, rtol=1e-6)


def test_a_schedule_advances_once_a_training_call():
    layer = Temperature(_halving())
    traced = tf.function(lambda: layer(training=True))
    np.testing.assert_allclose([traced() for _ in range(3)], [1.25, 2.5, 5.0], rtol=1e-6)
    np.testing.assert_allclose([layer(), layer(training=False)], [10.0, 10.0], rtol=1e-6)


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.PiecewiseConstantDecay([2, 4], [0.5, 0.2, 0.1]),
        schedules.CosineDecay(0.5, 5, alpha=0.1),
        schedules.PolynomialDecay(0.5, 4, 0.1),
    ],
)
def test_takes_any_keras_schedule(schedule):
    layer = Temperature(schedule)
    expected = [1 / float(schedule(step)) for step in range(6)]
    np.testing.assert_allclose([layer(training=True) for _ in range(6)], expected, rtol=1e-5)


def test_the_step_is_saved_with_the_model(tmp_path):
    scores = keras.Input([2])
    model = keras.Model(scores, Temperature(_halving())(scores))
    for _ in range(2):
        model(SCORES, training=True)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(SCORES, training=True), SCORES / 0.2, rtol=1e-6)


def test_the_learned_one_follows_its_gradient_in_the_logarithm():
    layer = LearnableTemperature(0.25)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(SCORES))
    gradient = tape.gradient(loss, layer.log_scale)
    np.testing.assert_allclose(gradient, SCORES.sum() / 0.25, rtol=1e-5)


@pytest.mark.parametrize(("sign", "expected"), [(1, 20.0), (-1, 2.0)])
def test_the_learned_one_stays_between_its_bounds(sign, expected):
    layer = LearnableTemperature(0.1, minimum=0.05, maximum=0.5)
    optimizer = keras.optimizers.SGD(10.0)
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = -sign * layer()
        optimizer.minimize(loss, [layer.log_scale], tape=tape)
    np.testing.assert_allclose(layer(), expected, rtol=1e-5)
    with tf.GradientTape() as tape:
        loss = layer()
    assert tape.gradient(loss, layer.log_scale) > 0  # At the bound it may still come back.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Temperature(0.0), "`temperature` must be > 0, received temperature=0.0"),
        (lambda: Temperature(-1), "`temperature` must be > 0"),
        (lambda: Temperature(float("nan")), "`temperature` must be > 0"),
        (lambda: Temperature(schedules.PolynomialDecay(0.0, 2, 1.0)), "`temperature` must be > 0"),
        (lambda: LearnableTemperature(0.0), "`initial` must be > 0"),
        (lambda: LearnableTemperature(2.0), "`initial` must be between `minimum` and `maximum`"),
        (lambda: LearnableTemperature(0.1, minimum=-1), "`minimum` must be > 0"),
    ],
)
def test_rejects(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_rejects_a_schedule_that_falls_to_zero():
    layer = Temperature(schedules.PolynomialDecay(0.1, 1, 0.0))
    layer(training=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`temperature` must be > 0 at every"):
        layer()
