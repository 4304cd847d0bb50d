import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.harness import run_layer_test
from tfrs_ext._keras import keras
from tfrs_ext.layers import CosineSimilarity, DotSimilarity, MaxSim


def _dot(q, c):
    return float(np.dot(q, c))


def _cosine(q, c):
    return float(np.dot(q, c)) / (max(np.linalg.norm(q), 1e-6) * max(np.linalg.norm(c), 1e-6))


def _best(q, c):
    return max(float(np.dot(vector, c)) for vector in np.atleast_2d(q))


LAYERS = [(DotSimilarity, _dot, 2), (CosineSimilarity, _cosine, 2), (MaxSim, _best, 3)]
each = pytest.mark.parametrize(("layer", "oracle", "rank"), LAYERS)


def _data(batch, candidates, width, rank, seed=0):
    rng = np.random.default_rng(seed)
    shape = (batch, width) if rank == 2 else (batch, 3, width)
    return rng.normal(size=shape), rng.normal(size=(candidates, width))


@keras.saving.register_keras_serializable(package="tests")
class _Of(keras.layers.Layer):
    """The similarity of two inputs that came as one list, which the harness calls with."""

    def __init__(self, similarity, rowwise=False, **kwargs):
        super().__init__(**kwargs)
        self.similarity, self.rowwise = similarity, rowwise

    def call(self, inputs):
        return self.similarity(*inputs, rowwise=self.rowwise)

    def get_config(self):
        similarity = keras.saving.serialize_keras_object(self.similarity)
        return {**super().get_config(), "similarity": similarity, "rowwise": self.rowwise}

    @classmethod
    def from_config(cls, config):
        similarity = keras.saving.deserialize_keras_object(config["similarity"])
        return cls(**{**config, "similarity": similarity})


@each
@pytest.mark.parametrize("rowwise", [False, True])
def test_keras_contract(layer, oracle, rank, rowwise, tmp_path):
    data = [x.astype("float32") for x in _data(4, 4, 5, rank)]
    run_layer_test(lambda: _Of(layer(), rowwise), data, tmp_path, trains=False)


@each
@settings(deadline=None, max_examples=20)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5), st.integers(0, 9))
def test_pairs_equal_loops(layer, oracle, rank, batch, candidates, width, seed):
    q, c = _data(batch, candidates, width, rank, seed)
    expected = [[oracle(one, other) for other in c] for one in q]
    np.testing.assert_allclose(layer()(q, c), expected, rtol=1e-5, atol=1e-5)


@each
def test_rows_are_the_diagonal_of_the_pairs(layer, oracle, rank):
    q, c = _data(5, 5, 3, rank)
    rows = layer()(q, c, rowwise=True)
    np.testing.assert_allclose(rows, tf.linalg.diag_part(layer()(q, c)), rtol=1e-5)


@each
def test_half_precision_is_scored_in_float32(layer, oracle, rank):
    q, c = (x.astype("float16") for x in _data(2, 3, 4, rank))
    scores = layer()(q, c)
    assert scores.dtype == tf.float32
    expected = [[oracle(one, other) for other in c.astype(float)] for one in q.astype(float)]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


@each
def test_unknown_sizes(layer, oracle, rank):
    q, c = (tf.constant(x) for x in _data(2, 3, 4, rank))
    traced = tf.function(layer().__call__, input_signature=None, reduce_retracing=True)
    concrete = traced.get_concrete_function(
        tf.TensorSpec([None, *q.shape[1:]], q.dtype), tf.TensorSpec([None, None], c.dtype)
    )
    np.testing.assert_allclose(concrete(q, c), layer()(q, c), rtol=1e-6)


def test_zero_vectors_have_cosine_zero_and_finite_gradients():
    q = tf.Variable(tf.zeros([2, 3]))
    with tf.GradientTape() as tape:
        scores = CosineSimilarity()(q, tf.constant([[0.0, 0.0, 0.0], [1.0, 2.0, 2.0]]))
    np.testing.assert_array_equal(scores, np.zeros((2, 2)))
    assert np.all(np.isfinite(tape.gradient(scores, q)))


def test_cosine_ignores_lengths():
    q, c = _data(3, 4, 5, 2)
    np.testing.assert_allclose(
        CosineSimilarity()(q * 1e4, c * 1e-3), CosineSimilarity()(q, c), rtol=1e-5
    )


def test_one_vector_a_query_is_the_inner_product():
    q, c = _data(3, 4, 5, 2)
    for rowwise in (False, True):
        other = c[:3] if rowwise else c
        np.testing.assert_allclose(
            MaxSim()(q, other, rowwise=rowwise), DotSimilarity()(q, other, rowwise=rowwise)
        )


@pytest.mark.parametrize(
    ("queries", "candidates", "rowwise", "message"),
    [
        ((2, 3, 4), (2, 4), False, r"`queries` must have rank 2, received shape=\(2, 3, 4\)"),
        ((2, 4), (2, 3, 4), False, "`candidates` must have rank 2"),
        ((2, 4), (2, 5), False, "`candidates` must have the width of `queries`, 4"),
        ((2, 4), (3, 4), True, "`candidates` must have a row per query, 2"),
    ],
)
def test_rejects_shapes(queries, candidates, rowwise, message):
    with pytest.raises(ValueError, match=message):
        DotSimilarity()(tf.ones(queries), tf.ones(candidates), rowwise=rowwise)


def test_rejects_an_epsilon_of_zero():
    with pytest.raises(ValueError, match="`epsilon` must be > 0, received epsilon=0"):
        CosineSimilarity(epsilon=0)
