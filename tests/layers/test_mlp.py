import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tests.oracles.dice import dice
from tfrs_ext.layers import MLP

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_regularizer": "l2"},
        {"activation": "dice", "dropout": 0.5},
        {"activation": "prelu"},
        {"activation": tf.keras.layers.PReLU()},
    ],
)
def test_behaves_as_a_keras_layer(arguments, tmp_path):
    run_layer_test(lambda: MLP((3, 2), **arguments), X, tmp_path)


def test_equals_the_products():
    layer = MLP((3, 2), "dice", dtype="float64")
    actual = layer(X.astype(np.float64), training=True)
    hidden = X
    for dense in layer.denses:
        kernel, bias = dense.get_weights()
        hidden = dice(hidden @ kernel + bias, 0)
    np.testing.assert_allclose(actual, hidden, rtol=1e-6, atol=1e-9)


def test_mask_reaches_the_activation():
    layer = MLP((3,), "dice", dtype="float64")
    mask = np.array([True, False, True])
    actual = layer(X.reshape(2, 3, 4), mask=tf.constant([mask, mask]), training=True)
    kernel, bias = layer.denses[0].get_weights()
    expected = dice(X.reshape(2, 3, 4) @ kernel + bias, 0, mask=np.array([mask, mask]))
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shape", [(4,), (5, 4), (None, 4)])
def test_prelu_has_one_slope_a_channel_at_any_rank(shape):
    layer = MLP((3,), "prelu", dtype="float64")
    layer.build((None, *shape))
    (activation,) = layer.activations
    slopes = np.array([0.1, 0.2, 0.3])
    activation.set_weights([slopes.reshape(activation.alpha.shape)])
    inputs = np.random.default_rng(1).normal(size=[2 if n is None else n for n in (2, *shape)])
    kernel, bias = layer.denses[0].get_weights()
    hidden = inputs @ kernel + bias
    expected = np.where(hidden > 0, hidden, slopes * hidden)
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-6)


def test_without_hidden_layers_the_input_passes():
    np.testing.assert_array_equal(MLP(())(X), X)


def test_dropout_is_for_training():
    layer = MLP((50,), dropout=0.5)
    np.testing.assert_array_equal(layer(X), layer(X))
    assert np.mean(layer(X, training=True) == 0) > np.mean(layer(X) == 0) + 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"hidden_units": (3, 0)}, "`hidden_units` must be"), ({"dropout": 1.0}, "`dropout` must be")],
)
def test_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        MLP(**{"hidden_units": (3,), **arguments})
