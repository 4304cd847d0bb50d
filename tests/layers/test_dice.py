import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tests.oracles.dice import dice as oracle
from tfrs_ext._keras import keras
from tfrs_ext.layers import Dice

X = np.array([[1, -2, 0.5], [3, 0, -1.5], [-1, 4, 2]], np.float32)
SEQUENCES = np.random.default_rng(0).normal(3, 2, (4, 5, 3))
MASK = np.arange(5) >= np.array([[0], [3], [5], [1]])


def quarter():
    return keras.initializers.Constant(0.25)


@pytest.mark.parametrize("data", [X, SEQUENCES.astype(np.float32)], ids=["rows", "sequences"])
def test_behaves_as_a_keras_layer(data, tmp_path):
    run_layer_test(lambda: Dice(alpha_regularizer="l2"), data, tmp_path)


def test_matches_the_published_example():
    layer = Dice(alpha_initializer=quarter())
    expected = [
        [0.625, -0.8833771, 0.323386],
        [2.4890192, 0, -0.6199884],
        [-0.4203269, 3.3756456, 1.6426735],
    ]
    np.testing.assert_allclose(layer(X, training=True), expected, rtol=1e-5)
    fresh = Dice(alpha_initializer=quarter())
    np.testing.assert_allclose(fresh(X[:1]), [[0.7982939, -0.6788044, 0.3584222]], rtol=1e-6)


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "masked"])
def test_equals_the_loops(mask):
    layer = Dice(alpha_initializer=quarter(), dtype="float64")
    actual = layer(SEQUENCES, training=True, mask=None if mask is None else tf.constant(mask))
    np.testing.assert_allclose(actual, oracle(SEQUENCES, 0.25, mask=mask), rtol=1e-12)


def test_channels_may_lie_on_another_axis():
    layer = Dice(axis=1, alpha_initializer=quarter(), dtype="float64")
    actual = layer(np.swapaxes(SEQUENCES, 1, 2), training=True)
    np.testing.assert_allclose(np.swapaxes(actual, 1, 2), oracle(SEQUENCES, 0.25), rtol=1e-12)


def test_mask_of_ones_in_place_of_a_dimension_covers_all_of_it():
    values = np.stack([SEQUENCES, SEQUENCES + 1], 1)
    outputs = [
        Dice(dtype="float64")(values, training=True, mask=tf.constant(mask))
        for mask in (MASK[:, None], np.stack([MASK, MASK], 1))
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-12)


def test_padding_changes_nothing_even_where_it_is_not_a_number():
    layer = Dice()
    whole = layer(SEQUENCES, training=True, mask=tf.constant(MASK))
    spoilt = np.where(MASK[..., None], SEQUENCES, np.nan)
    np.testing.assert_allclose(
        layer(spoilt, training=True, mask=tf.constant(MASK))[MASK], whole[MASK], rtol=1e-6
    )


def test_inference_uses_the_moving_averages_of_the_kept_steps():
    layer = Dice(momentum=0.5, dtype="float64")
    for _ in range(2):
        layer(SEQUENCES, training=True, mask=tf.constant(MASK))
    kept = SEQUENCES[MASK]
    np.testing.assert_allclose(np.ravel(layer.moving_mean), 0.75 * kept.mean(0))
    np.testing.assert_allclose(np.ravel(layer.moving_variance), 0.25 + 0.75 * kept.var(0))
    mean, variance = layer.moving_mean[..., :1].numpy().item(), layer.moving_variance[0, 0, 0]
    expected = oracle(SEQUENCES[..., :1], 0, mean=mean, variance=variance)
    np.testing.assert_allclose(layer(SEQUENCES)[..., :1], expected)


@pytest.mark.parametrize("value", [100.1, -3e4, 1e-3])
@pytest.mark.parametrize("rows", [3, 1000])
def test_a_constant_channel_lies_at_its_mean(value, rows):
    # The float32 mean of 100.1 is off by 1e-5, a tenth of a deviation of sqrt(epsilon) = 1e-4.
    outputs = Dice()(tf.fill([rows, 2], value), training=True)
    np.testing.assert_allclose(outputs, np.full([rows, 2], value / 2), rtol=1e-6)


def test_the_moving_averages_find_the_mean_of_a_constant_channel():
    layer, values = Dice(momentum=0.9), tf.fill([8, 1], 100.1)
    train = tf.function(lambda: layer(values, training=True))
    for _ in range(300):
        train()
    np.testing.assert_allclose(layer(values), np.full([8, 1], 50.05), rtol=1e-3)


def test_a_mask_may_be_an_array():
    expected = Dice()(SEQUENCES, training=True, mask=tf.constant(MASK))
    for mask in (MASK, MASK.tolist()):
        np.testing.assert_array_equal(Dice()(SEQUENCES, training=True, mask=mask), expected)


def test_a_batch_of_padding_moves_no_average():
    layer = Dice()
    outputs = layer(SEQUENCES, training=True, mask=tf.zeros(MASK.shape, tf.bool))
    assert np.isfinite(outputs).all()
    np.testing.assert_array_equal(layer.moving_variance, np.ones([1, 1, 3]))


def test_frozen_layer_keeps_its_averages():
    layer = Dice(trainable=False)
    np.testing.assert_array_equal(layer(X, training=True), layer(X, training=False))
    np.testing.assert_array_equal(layer.moving_mean, np.zeros([1, 3]))


def test_phase_may_be_a_tensor():
    layer = Dice()
    call = tf.function(lambda phase: layer(X, training=phase))
    np.testing.assert_allclose(call(tf.constant(True)), layer(X, training=True), rtol=1e-6)
    np.testing.assert_allclose(call(tf.constant(False)), layer(X, training=False), rtol=1e-6)


def test_becomes_prelu_where_the_variance_vanishes():
    layer = Dice(alpha_initializer=quarter())
    layer.build(X.shape)
    layer.moving_variance.assign(np.zeros([1, 3]))
    np.testing.assert_allclose(layer(X), np.where(X > 0, X, 0.25 * X), rtol=1e-6)


def test_gradient_flows_through_the_statistics():
    layer = Dice(alpha_initializer=quarter(), dtype="float64")
    function = lambda x: layer(x, training=True, mask=tf.constant(MASK))  # noqa: E731
    theoretical, numerical = tf.test.compute_gradient(function, [tf.constant(SEQUENCES)])
    np.testing.assert_allclose(theoretical[0], numerical[0], atol=1e-6)


def test_statistics_do_not_overflow_in_half_precision():
    values = np.float16([[200.0], [-200.0], [60000.0]])
    outputs = Dice(dtype="mixed_float16")(values, training=True)
    assert outputs.dtype == tf.float16
    np.testing.assert_allclose(outputs, oracle(values, 0), rtol=2e-3)


def test_moments_survive_a_large_mean():
    values = np.float32([[4096.0], [4096.5], [4097.0]])
    outputs = Dice()(values, training=True)
    np.testing.assert_allclose(outputs, oracle(values, 0), rtol=1e-5)


def test_replicas_share_their_statistics_when_synchronized(two_replicas):
    with two_replicas.scope():
        layer = Dice(synchronized=True, momentum=0.0)
        layer.build([None, 3])
    rows = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
    parts = two_replicas.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(rows, [2])[context.replica_id_in_sync_group])
    )
    outputs = two_replicas.run(lambda x: layer(x, training=True), args=(parts,))
    actual = np.concatenate([o.numpy() for o in two_replicas.experimental_local_results(outputs)])
    np.testing.assert_allclose(actual, oracle(rows, 0), rtol=1e-5)
    np.testing.assert_allclose(np.ravel(layer.moving_mean), rows.mean(0), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"epsilon": 0.0}, "`epsilon` must be positive"), ({"momentum": 2.0}, "`momentum` must be")],
)
def test_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Dice(**arguments)


def test_rejects_a_mask_that_does_not_fit():
    with pytest.raises(ValueError, match="`mask` must have the leading dimensions"):
        Dice()(SEQUENCES, mask=tf.ones([4, 4], tf.bool))
    with pytest.raises(ValueError, match="`mask` must end before the channels"):
        Dice()(SEQUENCES, mask=tf.ones([4, 5, 3], tf.bool))
