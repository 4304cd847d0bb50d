import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers import CausalTransformer

X = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
SPLITS = tf.constant([0, 4, 4, 7])


def norm(x, layer):
    gamma, beta = layer.get_weights()
    mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-6) * gamma + beta


def product(x, layer):
    kernel, bias = layer.get_weights()
    return x @ kernel + bias


def attend(x, layer):
    queries, keys, values = np.split(product(x, layer.attention_input), 3, axis=1)
    outputs = np.zeros_like(queries)
    for begin, end in ((0, 4), (4, 7)):
        for i in range(begin, end):
            scores = keys[begin : i + 1] @ queries[i] / np.sqrt(keys.shape[1])
            weights = np.exp(scores)
            outputs[i] = weights / weights.sum() @ values[begin : i + 1]
    return product(outputs, layer.attention_output)


def feed_forward(x, layer):
    hidden = product(x, layer.feed_forward_input)
    if layer.gated:
        gate, hidden = np.split(hidden, 2, axis=1)
        return product(np.maximum(gate, 0) * hidden, layer.feed_forward_output)
    return product(np.maximum(hidden, 0), layer.feed_forward_output)


@pytest.mark.parametrize("pre_norm", [True, False])
@pytest.mark.parametrize("gated", [True, False])
def test_equals_the_formula(pre_norm, gated):
    layer = CausalTransformer(hidden_units=5, activation="relu", gated=gated, pre_norm=pre_norm)
    actual = layer(X, SPLITS)
    x = X.astype(np.float64)
    for part, layer_norm in (
        (attend, layer.attention_norm),
        (feed_forward, layer.feed_forward_norm),
    ):
        x = (
            x + part(norm(x, layer_norm), layer)
            if pre_norm
            else norm(x + part(x, layer), layer_norm)
        )
    np.testing.assert_allclose(actual, x, atol=1e-5)


def test_comes_back_from_its_configuration():
    layer = CausalTransformer(2, 6, "relu", gated=True, dropout=0.1, pre_norm=False)
    again = CausalTransformer.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    expected = layer(X, SPLITS)
    again(X, SPLITS)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X, SPLITS), expected)


def test_computes_in_half_precision():
    layer = CausalTransformer(dtype="mixed_bfloat16")
    assert layer(X, SPLITS).dtype == tf.bfloat16
    assert {variable.dtype for variable in layer.variables} == {tf.float32}


def test_dropout_is_for_training():
    layer = CausalTransformer(dropout=0.5)
    np.testing.assert_array_equal(layer(X, SPLITS), layer(X, SPLITS))
    keras.utils.set_random_seed(1)
    assert np.any(layer(X, SPLITS, training=True) != layer(X, SPLITS))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_heads": 0}, "`num_heads` and `hidden_units` must be at least 1"),
        ({"hidden_units": 0}, "`num_heads` and `hidden_units` must be at least 1"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
        ({"num_heads": 3}, "width that is a multiple of num_heads=3"),
    ],
)
def test_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CausalTransformer(**arguments)(X, SPLITS)
