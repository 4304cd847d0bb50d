"""Means over the rows of replicas that have different numbers of them."""

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import losses, tasks
from tfrs_ext._keras import keras
from tfrs_ext.models import Model

RNG = np.random.default_rng(0)
QUERIES, ITEMS = RNG.normal(size=(2, 5, 4))
CUT = 3  # Of five rows the first replica has three, and the second two.
HALVES = (slice(0, CUT), slice(CUT, 5))


def _softmax_losses(queries, items):
    scores = queries @ items.T
    return np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)


def _slope(function, matrix):
    """The derivative of a function by a matrix, from differences in float64."""
    slope = np.zeros_like(matrix)
    for place in np.ndindex(matrix.shape):
        step = np.zeros_like(matrix)
        step[place] = 1e-5
        slope[place] = (function(matrix + step) - function(matrix - step)) / 2e-5
    return slope


def _mean(matrix):
    """The mean over the rows of both replicas, each of which has its own rows as negatives."""
    rows = [_softmax_losses(QUERIES[half] @ matrix, ITEMS[half]) for half in HALVES]
    return np.concatenate(rows).mean()


@pytest.mark.parametrize(
    "loss",
    [losses.SampledSoftmax(), keras.losses.CategoricalCrossentropy(from_logits=True)],
    ids=["ours", "keras"],
)
def test_a_retriever_learns_the_mean_over_the_rows_of_all_replicas(two_replicas, loss):
    task = tasks.Retrieval(loss)
    matrix = np.eye(4)
    value, slope = _on_replicas(
        two_replicas, matrix, lambda w, q, i: task(q @ w, i), QUERIES, ITEMS
    )
    np.testing.assert_allclose(value, _mean(matrix), rtol=1e-5)
    np.testing.assert_allclose(slope, _slope(_mean, matrix), rtol=1e-4, atol=1e-5)


def test_a_ranker_learns_the_mean_over_the_labels_of_all_replicas(two_replicas):
    labels = np.array([1.0, 0.0, np.nan, 1.0, 0.0])
    vector = np.full([4, 1], 0.1)
    task = tasks.Ranking(keras.losses.MeanSquaredError(), skip_missing_labels=True)

    def mean(vector):
        return np.nanmean((QUERIES @ vector - labels[:, np.newaxis]) ** 2)

    value, slope = _on_replicas(
        two_replicas, vector, lambda w, q, y: task(y, q @ w), QUERIES, labels
    )
    np.testing.assert_allclose(value, mean(vector), rtol=1e-5)
    np.testing.assert_allclose(slope, _slope(mean, vector), rtol=1e-4, atol=1e-5)


def test_the_loss_that_is_reported_is_that_mean(two_replicas):
    class Retriever(Model):
        def __init__(self):
            super().__init__()
            self.task = tasks.Retrieval(losses.SampledSoftmax())

        def compute_loss(self, inputs, training=False):
            return self.task(*inputs)

    with two_replicas.scope():
        model = Retriever()
        model.compile(keras.optimizers.SGD(0.0))
    pairs = np.float32(QUERIES), np.float32(ITEMS)
    # Of six rows wanted, three go to the first replica and two to the second.
    reported = model.evaluate(
        tf.data.Dataset.from_tensor_slices(pairs).batch(6), return_dict=True, verbose=0
    )
    parts = [_softmax_losses(QUERIES[half], ITEMS[half]) for half in (slice(3), slice(3, 5))]
    np.testing.assert_allclose(reported["loss"], np.concatenate(parts).mean(), rtol=1e-5)


def _on_replicas(strategy, weights, compute, *columns):
    """Returns the sums over the replicas of their losses and of their gradients."""
    weights = tf.constant(np.float32(weights))

    def part(values):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                np.float32(values[HALVES[context.replica_id_in_sync_group]])
            )
        )

    @tf.function
    def run(*columns):
        def step(*columns):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                loss = compute(weights, *columns)
            return loss, tape.gradient(loss, weights)

        return strategy.run(step, args=columns)

    found = run(*map(part, columns))
    return [sum(strategy.experimental_local_results(values)) for values in found]
