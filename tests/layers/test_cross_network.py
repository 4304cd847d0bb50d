import numpy as np
import pytest
import tensorflow as tf

from tests.harness import run_layer_test
from tfrs_ext.layers import CrossNetwork

X0 = np.array([[0.1, 0.2, 0.3]], np.float32)
ROWS = np.random.default_rng(0).normal(size=(6, 5))
KINDS = {
    "vector": {"parameterization": "vector"},
    "matrix": {},
    "low rank": {"projection_dim": 2},
    "linear mixture": {
        "projection_dim": 2,
        "num_experts": 3,
        "gate": "constant",
        "inner_activation": None,
    },
}


@pytest.mark.parametrize(
    "arguments",
    [
        *KINDS.values(),
        {"projection_dim": 2, "num_experts": 2},
        {"diag_scale": 0.1, "preactivation": "tanh", "kernel_regularizer": "l2"},
    ],
)
def test_behaves_as_a_keras_layer(arguments, tmp_path):
    run_layer_test(lambda: CrossNetwork(**arguments), ROWS.astype(np.float32), tmp_path)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("vector", [0.486, 0.772, 1.058]), ("matrix", [0.282, 0.564, 0.846])],
)
def test_matches_the_published_example(kind, expected):
    bias = tf.keras.initializers.Constant(0.1)
    network = CrossNetwork(2, kind, kernel_initializer="ones", bias_initializer=bias)
    np.testing.assert_allclose(network(X0), [expected], rtol=1e-6)


def test_mixture_matches_the_published_example():
    half, bias = tf.keras.initializers.Constant(0.5), tf.keras.initializers.Constant(0.1)
    network = CrossNetwork(
        2,
        projection_dim=2,
        num_experts=2,
        kernel_initializer=half,
        bias_initializer=bias,
    )
    np.testing.assert_allclose(network(X0), [[0.1857039, 0.3714077, 0.5571116]], rtol=1e-6)


def test_vector_network_has_its_closed_form():
    # Without a bias, x_l = x_0 * prod_{j < l} (1 + x_0 . w_j).
    network = CrossNetwork(
        3, "vector", use_bias=False, kernel_initializer="normal", dtype="float64"
    )
    actual = network(ROWS)
    factors = [1 + ROWS @ cross.kernel.numpy() for cross in network.crosses]
    np.testing.assert_allclose(actual, ROWS * np.prod(factors, 0), rtol=1e-12)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_network_is_a_polynomial_of_degree_one_above_its_depth(kind, layers):
    # t -> network(t x) without a bias: the (l + 1)-th finite difference is constant and not zero,
    # the (l + 2)-th is zero.
    network = CrossNetwork(
        layers, use_bias=False, kernel_initializer="glorot_normal", dtype="float64", **KINDS[kind]
    )
    values = np.stack([network(t * ROWS) for t in range(layers + 4)])
    below, above = np.diff(values, layers + 1, axis=0), np.diff(values, layers + 2, axis=0)
    assert np.abs(below).min() > 1e-6
    np.testing.assert_allclose(above, 0, atol=1e-9 * np.abs(values).max())


def test_rows_do_not_see_each_other():
    network = CrossNetwork(2, projection_dim=2, num_experts=2)
    whole = network(ROWS)
    np.testing.assert_allclose(network(ROWS[2:3]), whole[2:3], rtol=1e-5)


@pytest.mark.parametrize(
    "arguments", [{}, {"num_experts": 2, "projection_dim": 2}, {"parameterization": "vector"}]
)
def test_layers_start_with_different_kernels(arguments):
    network = CrossNetwork(2, kernel_initializer="glorot_uniform", **arguments)
    network(ROWS)
    first, second = (cross.get_weights()[0] for cross in network.crosses)
    assert np.abs(first - second).max() > 1e-3


def test_gradient_equals_finite_differences():
    network = CrossNetwork(2, projection_dim=2, num_experts=2, dtype="float64")
    theoretical, numerical = tf.test.compute_gradient(network, [tf.constant(ROWS)])
    np.testing.assert_allclose(theoretical[0], numerical[0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_layers": 0}, "`num_layers` must be at least 1"),
        ({"parameterization": "tensor"}, "`parameterization` must be"),
        ({"num_experts": 2}, "`projection_dim` must be set"),
        ({"parameterization": "vector", "projection_dim": 2}, "must be None for the vector"),
        ({"parameterization": "vector", "diag_scale": 1.0}, "must be left out"),
    ],
)
def test_rejects_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        CrossNetwork(**arguments)
