"""tasks.Retrieval stands in for TFRS's, and wires what TFRS hasn't."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext import frequencies, layers, losses, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates

RNG = np.random.default_rng(3)
QUERIES = RNG.normal(size=(5, 4)).astype(np.float32)
CANDIDATES = RNG.normal(size=(7, 4)).astype(np.float32)
IDS = np.array([3, 1, 3, 2, 5, 1, 8])
PROBABILITY = np.array([0.3, 0.2, 0.3, 0.05, 0.02, 0.2, 0.01], np.float32)
WEIGHT = np.array([1.0, 0.5, 2.0, 0.0, 1.0], np.float32)


def gradients(task, **arguments):
    queries, candidates = tf.Variable(QUERIES), tf.Variable(CANDIDATES)
    with tf.GradientTape() as tape:
        loss = task(queries, candidates, **arguments)
    return [loss, *tape.gradient(loss, [queries, candidates])]


def test_tfrs_own_tests_pass_with_our_task_in_its_place():
    code = """
import tfrs_ext.tasks, tensorflow as tf
from tensorflow_recommenders.tasks import retrieval, retrieval_test
retrieval.Retrieval = tfrs_ext.tasks.Retrieval
import unittest
result = unittest.main(retrieval_test, exit=False).result
assert result.testsRun >= 4 and result.wasSuccessful()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {}),
        ({"temperature": 0.2}, {"sample_weight": WEIGHT}),
        ({"remove_accidental_hits": True}, {"candidate_ids": IDS}),
        ({"temperature": 0.5}, {"candidate_sampling_probability": PROBABILITY}),
        ({"num_hard_negatives": 2}, {"candidate_sampling_probability": PROBABILITY}),
        ({}, {"score_mask": RNG.random((5, 7)) < 0.7}),
        ({"loss": keras.losses.CategoricalCrossentropy(from_logits=True)}, {}),
    ],
)
def test_values_and_gradients_equal_those_of_tfrs(options, arguments):
    if "score_mask" in arguments:
        mask = arguments["score_mask"] | np.eye(5, 7, dtype=bool)
        arguments = {"score_mask": tf.constant(mask)}
    ours = gradients(tasks.Retrieval(**options), **arguments)
    theirs = gradients(tfrs.tasks.Retrieval(**options), **arguments)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-5)


def test_batch_metrics_do_not_change_the_loss():
    metric = keras.metrics.TopKCategoricalAccuracy(k=2)
    task = tasks.Retrieval(batch_metrics=[metric], temperature=0.3)
    np.testing.assert_allclose(
        task(QUERIES, CANDIDATES), tasks.Retrieval(temperature=0.3)(QUERIES, CANDIDATES), rtol=1e-5
    )
    scores = QUERIES @ CANDIDATES.T
    expected = np.mean([i in np.argsort(-row)[:2] for i, row in enumerate(scores)])
    np.testing.assert_allclose(metric.result(), expected)


def test_corrected_logq_equals_its_definition_through_the_task():
    task = tasks.Retrieval(
        loss=losses.CorrectedSampledSoftmax(), temperature=0.5, remove_accidental_hits=True
    )
    loss = task(QUERIES, CANDIDATES, candidate_sampling_probability=PROBABILITY, candidate_ids=IDS)
    scores = (QUERIES.astype(np.float64) @ CANDIDATES.T) / 0.5
    rows = []
    for i in range(5):
        valid = IDS[i] != IDS
        q = PROBABILITY[valid].astype(np.float64) / (1 - PROBABILITY[i])
        shifted = np.exp(scores[i, valid] - np.log(valid.sum() * q))
        rows.append(np.log1p(shifted.sum() / np.exp(scores[i, i])))
    np.testing.assert_allclose(loss, np.mean(rows), rtol=1e-5)


def test_corrected_logq_asks_for_probabilities_by_name():
    task = tasks.Retrieval(loss=losses.CorrectedSampledSoftmax())
    with pytest.raises(ValueError, match="`candidate_sampling_probability` must be given"):
        task(QUERIES, CANDIDATES)


def test_extra_negatives_go_with_ids_and_corpus_metrics():
    corpus = tf.data.Dataset.from_tensor_slices((IDS[:5].astype(str), CANDIDATES[:5])).batch(2)
    metric = tfrs.metrics.FactorizedTopK(corpus, ks=[5])
    task = tasks.Retrieval(metrics=metric)
    task(QUERIES, CANDIDATES, candidate_ids=IDS.astype(str))
    assert metric.result()[0].numpy() == 1.0


def test_one_metric_can_be_assigned():
    metric = tfrs.metrics.FactorizedTopK(tf.data.Dataset.from_tensor_slices(CANDIDATES).batch(3))
    task = tasks.Retrieval()
    task.factorized_metrics = metric
    assert list(task.factorized_metrics) == [metric]


def test_masks_are_exact_in_half_precision():
    task = tasks.Retrieval(remove_accidental_hits=True)
    halves = [tf.cast(x, tf.float16) for x in (QUERIES, CANDIDATES)]
    expected = task(QUERIES, CANDIDATES, candidate_ids=IDS)
    np.testing.assert_allclose(task(*halves, candidate_ids=IDS), expected, rtol=1e-2)


def test_small_probabilities_are_not_clipped():
    tiny = PROBABILITY * 1e-7
    shifted = tasks.Retrieval()(QUERIES, CANDIDATES, candidate_sampling_probability=tiny)
    expected = tasks.Retrieval()(QUERIES, CANDIDATES, candidate_sampling_probability=PROBABILITY)
    np.testing.assert_allclose(shifted, expected, rtol=1e-5)


def test_configuration_survives_json():
    task = tasks.Retrieval(
        loss=losses.CorrectedSampledSoftmax(), temperature=0.1, remove_accidental_hits=True
    )
    again = tasks.Retrieval.from_config(task.get_config())
    arguments = {"candidate_sampling_probability": PROBABILITY, "candidate_ids": IDS}
    np.testing.assert_array_equal(
        task(QUERIES, CANDIDATES, **arguments), again(QUERIES, CANDIDATES, **arguments)
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "`temperature` must be positive, received 0.0"),
        ({"temperature": float("nan")}, "`temperature` must be positive, received nan"),
        (
            {"negatives": keras.layers.Layer(), "num_hard_negatives": 3},
            "`num_hard_negatives` must be None",
        ),
    ],
)
def test_bad_arguments_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        tasks.Retrieval(**options)


def test_accidental_hits_and_sources_need_ids():
    for options in ({"remove_accidental_hits": True}, {"negatives": negatives.InBatch()}):
        with pytest.raises(ValueError, match="`candidate_ids` must be given"):
            tasks.Retrieval(**options)(QUERIES, CANDIDATES)


def test_fewer_candidates_than_queries_are_refused():
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="positives"):
        tasks.Retrieval()(QUERIES, CANDIDATES[:3])


def test_the_loss_is_a_scalar_under_tf_function_with_unknown_shapes():
    task = tasks.Retrieval(remove_accidental_hits=True)
    spec = tf.TensorSpec([None, None], tf.float32)
    call = tf.function(
        lambda q, c, i: task(q, c, candidate_ids=i),
        input_signature=[spec, spec, tf.TensorSpec([None], tf.int64)],
    )
    loss = call(QUERIES, CANDIDATES, IDS)
    assert loss.shape == ()
    np.testing.assert_allclose(loss, task(QUERIES, CANDIDATES, candidate_ids=IDS), rtol=1e-5)


def test_training_moves_sources_and_schedules_on_and_evaluation_does_not():
    schedule = keras.optimizers.schedules.PolynomialDecay(1.0, 10, 0.1)
    temperature = layers.Temperature(schedule)
    queue = negatives.MemoryQueue(capacity=8, embedding_dim=4, source=negatives.InBatch())
    task = tasks.Retrieval(
        temperature=temperature,
        negatives=queue,
        batch_metrics=[keras.metrics.TopKCategoricalAccuracy(k=1)],
    )
    ids = tf.constant(IDS[:5], tf.int64)
    steps, entered = [], []
    for training in (False, True, True, False):
        task(QUERIES, CANDIDATES[:5], candidate_ids=ids, training=training)
        steps.append(float(1 / temperature()))
        entered.append(int(queue.entered))
    np.testing.assert_allclose(np.diff(steps), [-0.09, -0.09, 0.0], atol=1e-6)
    assert entered == [0, 5, 10, 10]


def test_drawn_negatives_join_the_batch_under_their_own_probability():
    table = keras.layers.Embedding(10, 4)
    source = negatives.Mixed(
        [
            negatives.InBatch(frequencies.CountedFrequency(np.arange(10), np.full(10, 3))),
            negatives.Uniform(negatives.Catalogue(np.arange(10)), num_negatives=6, seed=1),
        ]
    )
    task = tasks.Retrieval(loss=losses.CorrectedSampledSoftmax(), negatives=source)
    ids = tf.constant(IDS[:5], tf.int64)
    loss = task(QUERIES, table(ids), candidate_ids=ids, candidate_model=table, training=True)
    assert np.isfinite(loss.numpy())
    np.testing.assert_allclose(np.exp(source.log_q(_candidates(ids, table))), 0.1, rtol=1e-5)


def _candidates(ids, table):
    return Candidates(table(ids), ids, tf.zeros(ids.shape))


@pytest.mark.parametrize(
    "loss",
    [
        losses.SampledSoftmax(),
        losses.SampledSoftmax("logq"),
        losses.CorrectedSampledSoftmax(),
        losses.BPR(),
    ],
    ids=["none", "logq", "corrected", "bpr"],
)
def test_a_loss_is_the_same_with_and_without_the_matrix_of_scores(loss):
    arguments = {"candidate_sampling_probability": PROBABILITY, "candidate_ids": IDS}
    task = tasks.Retrieval(loss=loss, temperature=0.5, remove_accidental_hits=True)
    expected = task(QUERIES, CANDIDATES, **arguments)
    # One vector a query, given as several, goes by the matrix; so does keeping all negatives.
    by_vectors = task(QUERIES[:, np.newaxis], CANDIDATES, **arguments)
    np.testing.assert_allclose(by_vectors, expected, rtol=1e-5)
    hard = tasks.Retrieval(
        loss=loss, temperature=0.5, remove_accidental_hits=True, num_hard_negatives=6
    )
    np.testing.assert_allclose(hard(QUERIES, CANDIDATES, **arguments), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"remove_accidental_hits": True},
        {},
        {"num_hard_negatives": 2},
        {"loss": losses.BPR()},
        {"loss": keras.losses.CategoricalCrossentropy(from_logits=True)},
    ],
)
def test_known_positives_are_no_negatives_of_their_query(options):
    known = np.array([[2, -1], [8, 5], [-1, -1], [1, 2], [5, 3]])
    mask = np.array([[item not in row for item in IDS] for row in known])
    ours = gradients(tasks.Retrieval(**options), candidate_ids=IDS, known_positives=known)
    masked = gradients(tasks.Retrieval(**options), candidate_ids=IDS, score_mask=tf.constant(mask))
    for value, expected in zip(ours, masked, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-6)
    without = tasks.Retrieval(**options)(QUERIES, CANDIDATES, candidate_ids=IDS)
    assert abs(ours[0] - without) > 1e-3


def test_known_positives_are_left_out_of_drawn_negatives_too():
    class Fixed(negatives.Source):
        def call(self, positives, **_):
            ids = tf.constant([20, 21, 22], tf.int64)
            return Candidates(tf.ones([3, 4]), ids, tf.fill([3], -3.0))

        def log_q(self, positives):
            return tf.fill([tf.shape(positives.ids)[0]], -3.0)

    known = np.array([[20, 22]] * 5)
    task = tasks.Retrieval(loss=losses.SampledSoftmax(), negatives=Fixed())
    only = np.array([[False, True, False]] * 5)
    arguments = {"candidate_ids": IDS[:5]}
    np.testing.assert_allclose(
        task(QUERIES, CANDIDATES[:5], known_positives=known, **arguments),
        task(QUERIES, CANDIDATES[:5], score_mask=tf.constant(only), **arguments),
        rtol=1e-6,
    )


def test_known_positives_need_ids():
    with pytest.raises(ValueError, match="`candidate_ids` must be given"):
        tasks.Retrieval()(QUERIES, CANDIDATES, known_positives=np.array([[1]] * 5))
