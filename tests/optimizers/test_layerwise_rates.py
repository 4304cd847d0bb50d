"""Each weight moves by its share of the rate, as if an optimizer of that rate moved it alone."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.optimizers import LayerwiseRates, LazyAdam

FACTORS = (1.0, 0.1, 0.0, 0.1)


def weights():
    rng = np.random.default_rng(0)
    return [tf.Variable(rng.normal(size=(5, 2)), dtype=tf.float32) for _ in FACTORS]


def gradients(steps=4):
    """One gradient of each weight for every step; the last weight is a table, touched in part."""
    rng = np.random.default_rng(1)
    for _ in range(steps):
        dense = [tf.constant(rng.normal(size=(5, 2)), tf.float32) for _ in FACTORS[1:]]
        rows = tf.constant(rng.normal(size=(3, 2)), tf.float32)
        yield [*dense, tf.IndexedSlices(rows, tf.constant([1, 3, 1]), tf.constant([5, 2]))]


def train(optimizer, steps=4, found=None):
    found = weights() if found is None else found
    for step in gradients(steps):
        optimizer.apply_gradients(zip(step, found, strict=True))
    return found


@pytest.mark.parametrize(
    "make",
    [
        lambda rate: keras.optimizers.SGD(rate, momentum=0.9),
        lambda rate: keras.optimizers.Adam(rate, weight_decay=0.1, clipnorm=1.0),
        lambda rate: keras.optimizers.Adagrad(rate),
        lambda rate: LazyAdam(rate),
    ],
    ids=["sgd", "adam", "adagrad", "lazy adam"],
)
def test_each_weight_moves_as_under_an_optimizer_of_its_own(make):
    together = train(LayerwiseRates(make(0.05), FACTORS))
    for place, (weight, factor) in enumerate(zip(weights(), FACTORS, strict=True)):
        alone = make(0.05 * factor)
        for step in gradients() if factor else ():
            alone.apply_gradients([(step[place], weight)])
        np.testing.assert_allclose(together[place], weight, rtol=1e-5)
    np.testing.assert_array_equal(together[2], weights()[2])


def test_all_weights_go_along_when_the_rate_is_set():
    optimizer = LayerwiseRates(keras.optimizers.SGD(1.0), FACTORS)
    optimizer.learning_rate = 0.01
    found = train(optimizer, steps=1)
    (step,) = gradients(1)
    for before, after, gradient, factor in zip(weights(), found, step, FACTORS, strict=True):
        expected = before - 0.01 * factor * tf.convert_to_tensor(gradient)
        np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_all_weights_follow_a_schedule():
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1], [1.0, 0.0])
    found = train(LayerwiseRates(keras.optimizers.SGD(schedule), FACTORS), steps=4)
    expected = train(LayerwiseRates(keras.optimizers.SGD(1.0), FACTORS), steps=2)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other)  # Steps 0 and 1 move, the later ones don't.


def test_a_weight_without_a_gradient_stays():
    optimizer, found = LayerwiseRates("sgd", [1.0, 0.5]), weights()[:2]
    optimizer.apply_gradients([(None, found[0]), (tf.ones([5, 2]), found[1])])
    np.testing.assert_array_equal(found[0], weights()[0])
    np.testing.assert_allclose(found[1], weights()[1] - 0.5 * 0.01)
    assert int(optimizer.iterations) == 1


def model(optimizer):
    keras.utils.set_random_seed(3)
    found = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])
    found.build([None, 2])
    found.compile(optimizer, "mse", run_eagerly=True)
    return found


def assert_alike_after_a_step(*models):
    for each in models:
        each.fit(X, Y, shuffle=False, verbose=0)
    one, other = (each.get_weights() for each in models)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-6)


X, Y = np.random.default_rng(2).normal(size=(2, 16, 2)).astype(np.float32)


def test_a_saved_model_goes_on_as_if_nothing_had_been(tmp_path):
    optimizer = LayerwiseRates(keras.optimizers.Adam(0.05), [0.0, 1.0, 0.1, 1.0])
    whole = model(optimizer)
    whole.fit(X, Y, shuffle=False, verbose=0)
    optimizer.learning_rate = 0.02
    whole.save(tmp_path / "model.keras")
    resumed = keras.models.load_model(tmp_path / "model.keras")
    resumed.run_eagerly = True  # Tracing is slower.
    assert_alike_after_a_step(whole, resumed)


def test_a_checkpoint_holds_the_moments(tmp_path):
    whole, resumed = (model(LayerwiseRates("adam", [0.0, 1.0, 0.1, 1.0])) for _ in range(2))
    whole.fit(X, Y, shuffle=False, verbose=0)
    path = tf.train.Checkpoint(model=whole).write(str(tmp_path / "weights"))
    tf.train.Checkpoint(model=resumed).read(path)
    assert_alike_after_a_step(whole, resumed)


def test_it_works_under_a_loss_scale():
    plain = train(LayerwiseRates("sgd", FACTORS), steps=1)
    scaled = keras.mixed_precision.LossScaleOptimizer(LayerwiseRates("sgd", FACTORS))
    found = weights()
    (step,) = gradients(1)
    raised = [
        tf.IndexedSlices(scaled.get_scaled_loss(g.values), g.indices, g.dense_shape)
        if isinstance(g, tf.IndexedSlices)
        else scaled.get_scaled_loss(g)
        for g in step
    ]
    lowered = scaled.get_unscaled_gradients(raised)
    scaled.apply_gradients(zip(lowered, found, strict=True))
    for one, other in zip(plain, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_averages_of_the_weights_replace_them_in_the_end():
    optimizer = LayerwiseRates(keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), [0.5])
    weight = tf.Variable(1.0)
    optimizer.apply_gradients([(tf.constant(1.0), weight)])
    optimizer.finalize_variable_values([weight])
    assert float(weight) == pytest.approx((1.0 + 0.5) / 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LayerwiseRates("sgd", [1.0, -0.1]), "finite numbers of 0 or more"),
        (lambda: LayerwiseRates("sgd", [0.0]), "one of them above 0"),
        (lambda: LayerwiseRates("sgd", [float("nan")]), "finite numbers"),
        (lambda: LayerwiseRates(keras.optimizers.SGD(global_clipnorm=1.0), [1.0]), "`clipnorm`"),
        (lambda: LayerwiseRates("sgd", [1.0]).build(weights()), "each of the 4 trainable"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
