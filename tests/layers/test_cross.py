import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import run_layer_test
from tests.oracles import cross as oracle
from tfrs_ext._keras import keras
from tfrs_ext.layers import Cross, CrossMixture, CrossVector

X0 = np.array([[0.1, 0.2, 0.3]], np.float32)
X = np.array([[0.4, 0.5, 0.6]], np.float32)
ROWS = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)


@pytest.mark.parametrize(
    "make",
    [
        Cross,
        lambda: Cross(projection_dim=2, diag_scale=0.5, preactivation="tanh"),
        CrossVector,
        lambda: CrossMixture(2, 3),
        lambda: CrossMixture(2, 3, gate="sigmoid", inner_activation=None, kernel_regularizer="l2"),
    ],
)
def test_behaves_as_a_keras_layer(make, tmp_path):
    run_layer_test(make, ROWS, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "x", "expected"),
    [
        ({}, X, [0.55, 0.8, 1.05]),
        ({"projection_dim": 1}, X, [0.55, 0.8, 1.05]),
        ({}, None, [0.16, 0.32, 0.48]),
        ({"bias_initializer": "ones"}, X, [0.65, 1.0, 1.35]),
        ({"diag_scale": 1.0}, X, [0.59, 0.9, 1.23]),
    ],
)
def test_matches_the_published_example(arguments, x, expected):
    layer = Cross(kernel_initializer="ones", **arguments)
    np.testing.assert_allclose(layer(X0, x), [expected], rtol=1e-6)


@settings(deadline=None, max_examples=15)
@given(
    width=st.integers(1, 6),
    rank=st.sampled_from([None, 1, 2]),
    leading=st.sampled_from([(3,), (2, 4), (0,)]),
    diag_scale=st.sampled_from([0.0, 0.7]),
)
def test_matrix_equals_the_loops(width, rank, leading, diag_scale):
    rank = rank and min(rank, width)
    rng = np.random.default_rng(width)
    x0, x = rng.normal(size=(2, *leading, width))
    layer = Cross(rank, diag_scale, bias_initializer="normal", dtype="float64")
    actual = layer(x0, x).numpy()
    *kernels, bias = (w.numpy() for w in layer.weights)
    kernel = kernels[0] if rank is None else kernels[0] @ kernels[1]
    for row0, row, out in zip(*(a.reshape(-1, width) for a in (x0, x, actual)), strict=True):
        np.testing.assert_allclose(out, oracle.matrix(row0, row, kernel, bias, diag_scale))


def test_vector_equals_the_loops():
    layer = CrossVector(bias_initializer="normal", dtype="float64")
    x0, x = np.random.default_rng(1).normal(size=(2, 4, 5))
    actual = layer(x0, x)
    kernel, bias = (w.numpy() for w in layer.weights)
    for row0, row, out in zip(x0, x, actual, strict=True):
        np.testing.assert_allclose(out, oracle.vector(row0, row, kernel[:, 0], bias))


@pytest.mark.parametrize("gate", ["softmax", "sigmoid", "constant"])
@pytest.mark.parametrize("inner", ["tanh", None])
def test_mixture_equals_the_loops(gate, inner):
    experts, rank = 3, 2
    layer = CrossMixture(
        rank, experts, gate, inner, kernel_initializer="normal", bias_initializer="normal",
        dtype="float64",
    )  # fmt: skip
    x0, x = np.random.default_rng(2).normal(size=(2, 4, 5))
    actual = layer(x0, x)
    v = np.split(layer.kernel_v.numpy(), experts, 1)
    u = np.split(layer.kernel_u.numpy(), experts, 0)
    c = [k.numpy() for k in layer.kernels_c] if inner else [None] * experts
    for row0, row, out in zip(x0, x, actual, strict=True):
        if gate == "constant":
            gates = np.ones(experts)
        else:
            logits = row @ layer.kernel_gates.numpy()
            exp = np.exp(logits)
            gates = exp / exp.sum() if gate == "softmax" else exp / (1 + exp)
        bias = layer.bias.numpy()
        parts = list(zip(v, c, u, strict=True))
        np.testing.assert_allclose(out, oracle.mixture(row0, row, parts, bias, gates, np.tanh))


def test_one_linear_expert_with_a_constant_gate_is_the_low_rank_layer():
    mixture = CrossMixture(2, 1, gate="constant", inner_activation=None)
    low_rank = Cross(2)
    mixture(ROWS)
    low_rank(ROWS)
    v, u, bias = mixture.get_weights()
    low_rank.set_weights([v, u, bias])
    np.testing.assert_allclose(mixture(ROWS, 2 * ROWS), low_rank(ROWS, 2 * ROWS), rtol=1e-6)


def test_matrix_of_equal_columns_is_the_vector_layer():
    w = np.random.default_rng(3).normal(size=(5, 1)).astype(np.float32)
    vector, matrix = CrossVector(use_bias=False), Cross(use_bias=False)
    vector(ROWS)
    matrix(ROWS)
    vector.set_weights([w])
    matrix.set_weights([np.repeat(w, 5, 1)])
    np.testing.assert_allclose(vector(ROWS, 2 * ROWS), matrix(ROWS, 2 * ROWS), rtol=1e-5)


def test_equals_and_restores_weights_of_the_layer_in_tfrs(tmp_path):
    theirs, ours = tfrs.layers.dcn.Cross(2), Cross(2)
    expected = theirs(ROWS)
    tf.train.Checkpoint(layer=theirs).save(tmp_path / "checkpoint")
    ours.build(ROWS.shape)
    tf.train.Checkpoint(layer=ours).restore(
        tf.train.latest_checkpoint(tmp_path)
    ).assert_existing_objects_matched()
    np.testing.assert_allclose(ours(ROWS), expected, rtol=1e-6)


def test_has_its_weights_as_soon_as_it_is_built():
    layer = Cross(2)
    layer.build((None, 5))
    assert [w.shape.as_list() for w in layer.weights] == [[5, 2], [2, 5], [5]]


def test_initial_matrices_of_a_layer_differ():
    layer = CrossMixture(3, 2)
    layer.build((None, 6))
    first, second = (c.numpy() for c in layer.kernels_c)
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("make", [lambda: Cross(2), lambda: CrossMixture(2), CrossVector])
def test_takes_a_float32_second_input_in_mixed_precision(make):
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        assert make()(ROWS, ROWS).dtype == tf.float16
    finally:
        keras.mixed_precision.set_global_policy(policy)


def test_matrix_product_runs_in_half_precision_in_mixed_precision():
    graph = tf.function(Cross(dtype="mixed_float16")).get_concrete_function(
        tf.TensorSpec([None, 5])
    )
    products = [op for op in graph.graph.get_operations() if op.type == "MatMul"]
    assert [op.outputs[0].dtype for op in products] == [tf.float16]


@pytest.mark.parametrize("rank", [6, 0, -1])
def test_rejects_a_projection_that_does_not_fit(rank):
    with pytest.raises(ValueError, match=r"`projection_dim` must be between 1 and .* 5"):
        CrossMixture(rank)(keras.Input((5,)))
    if rank < 1:
        with pytest.raises(ValueError, match="`projection_dim` must be a positive integer"):
            Cross(rank)(keras.Input((5,)))


@pytest.mark.parametrize("preactivation", [None, "tanh"])
def test_a_projection_wider_than_the_input_is_taken_as_tfrs_takes_it(preactivation):
    options = {"projection_dim": 8, "diag_scale": 0.5, "preactivation": preactivation}
    ours, theirs = Cross(**options), tfrs.layers.dcn.Cross(**options)
    ours(ROWS), theirs(ROWS)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(ROWS), theirs(ROWS), rtol=1e-5)
    u, v, b = (weight.numpy() for weight in ours.weights)
    f = np.tanh if preactivation else np.copy
    expected = ROWS * (f(ROWS @ u @ v + b) + 0.5 * ROWS) + ROWS
    np.testing.assert_allclose(ours(ROWS), expected, rtol=1e-5)


def test_rejects_bad_arguments():
    with pytest.raises(ValueError, match="`num_experts` must be at least 1"):
        CrossMixture(2, 0)
    with pytest.raises(ValueError, match="`gate` must be one of"):
        CrossMixture(2, gate="hard")
    with pytest.raises(ValueError, match="dimension mismatch"):
        Cross()(ROWS, ROWS[:, :4])
