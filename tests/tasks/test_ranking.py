"""The ranking task beside TFRS's, and what it does where TFRS's goes wrong."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras
from tfrs_ext.models import Model
from tfrs_ext.tasks import Ranking

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, (12, 1)).astype(np.float32)
PREDICTIONS = RNG.uniform(0.05, 0.95, (12, 1)).astype(np.float32)
WEIGHTS = RNG.uniform(0, 3, 12).astype(np.float32)
BINARY = keras.losses.BinaryCrossentropy


def all_metrics():
    return {
        "metrics": [keras.metrics.BinaryAccuracy("accuracy"), keras.metrics.AUC(name="auc")],
        "prediction_metrics": [keras.metrics.Mean("prediction_mean")],
        "label_metrics": [keras.metrics.Mean("label_mean")],
        "loss_metrics": [keras.metrics.Mean("loss_mean")],
    }


def results(task):
    return {metric.name: float(metric.result()) for metric in task.metrics}


def cross_entropy(labels, predictions):
    labels, predictions = np.float64(labels).ravel(), np.float64(predictions).ravel()
    return -labels * np.log(predictions) - (1 - labels) * np.log(1 - predictions)


@pytest.mark.parametrize("weights", [None, np.ones(2, np.float32)])
@pytest.mark.parametrize("in_graph", [False, True])
def test_passes_what_tfrs_tests_its_own_task_with(weights, in_graph):
    task = Ranking(**all_metrics())
    call = tf.function(task) if in_graph else task
    loss = call(
        predictions=tf.constant([[1.0], [0.3]]), labels=tf.ones([2, 1]), sample_weight=weights
    )
    expected = -(math.log(1) + math.log(0.3)) / 2
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    values = {"accuracy": 0.5, "label_mean": 1.0, "prediction_mean": 0.65, "loss_mean": expected}
    for name, value in values.items():
        np.testing.assert_allclose(results(task)[name], value, rtol=1e-5)


def test_works_in_graphs_of_tensorflow_1():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        task = Ranking(metrics=[keras.metrics.BinaryAccuracy("accuracy")])
        loss = task(labels=tf.ones([2, 1]), predictions=tf.constant([[1.0], [0.3]]))
        for metric in task.metrics:
            session.run([variable.initializer for variable in metric.variables])
        np.testing.assert_allclose(session.run(loss), -math.log(0.3) / 2, rtol=1e-5)
        assert session.run(task.metrics[0].result()) == 0.5


@pytest.mark.parametrize(
    "loss",
    [
        lambda: None,
        lambda: BINARY(from_logits=True, reduction="sum"),
        keras.losses.MeanSquaredError,
        lambda: keras.losses.Huber(reduction="none"),
        lambda: BINARY(label_smoothing=0.1),
    ],
)
@pytest.mark.parametrize("weights", [None, WEIGHTS, WEIGHTS[:, np.newaxis]])
def test_equals_the_task_of_tfrs_in_loss_gradient_and_metrics(loss, weights):
    answers = []
    for kind in (Ranking, tfrs.tasks.Ranking):
        task, predictions = kind(loss(), **all_metrics()), tf.constant(PREDICTIONS)
        with tf.GradientTape() as tape:
            tape.watch(predictions)
            value = task(LABELS, predictions, sample_weight=weights)
        answers.append((value, tape.gradient(value, predictions), results(task)))
    ours, theirs = answers
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)
    if ours[0].shape == []:
        for name, value in theirs[2].items():
            np.testing.assert_allclose(ours[2][name], value, rtol=1e-6)


def test_metrics_stay_as_they_are_when_not_asked_for():
    task = Ranking(**all_metrics())
    task(LABELS, PREDICTIONS, compute_metrics=False)
    assert set(results(task).values()) == {0.0}


@pytest.mark.parametrize("labels", [LABELS, LABELS[:, 0]])
@pytest.mark.parametrize("predictions", [PREDICTIONS, PREDICTIONS[:, 0]])
def test_weighs_rows_whatever_their_shape(labels, predictions):
    # TFRS's task takes the mean of [B] before the weights, and fails.
    task = Ranking(metrics=[keras.metrics.MeanSquaredError("mse")])
    value = task(tf.constant(labels), tf.constant(predictions), sample_weight=WEIGHTS)
    expected = np.mean(WEIGHTS * cross_entropy(LABELS, PREDICTIONS))
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    squares = (LABELS - PREDICTIONS)[:, 0] ** 2
    np.testing.assert_allclose(results(task)["mse"], np.average(squares, weights=WEIGHTS), 1e-5)


def test_integer_classes_keep_their_shape():
    scores = RNG.normal(size=(4, 3)).astype(np.float32)
    task = Ranking(keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    value = task(tf.constant([0, 2, 1, 1]), tf.constant(scores))
    expected = np.mean(np.log(np.exp(scores).sum(1)) - scores[np.arange(4), [0, 2, 1, 1]])
    np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_a_small_last_batch_counts_for_its_rows():
    task = Ranking(loss_metrics=[keras.metrics.Mean("mean"), keras.metrics.Sum("sum")])
    parts = [slice(8), slice(8, 12)]
    losses = [float(task(LABELS[part], PREDICTIONS[part])) for part in parts]
    expected = np.mean(cross_entropy(LABELS, PREDICTIONS))
    np.testing.assert_allclose(results(task)["mean"], expected, rtol=1e-5)
    np.testing.assert_allclose(results(task)["sum"], sum(losses), rtol=1e-6)


class Ranker(Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1, "sigmoid", kernel_initializer="ones")
        self.task = Ranking()

    def compute_loss(self, inputs, training=False):
        features, labels = inputs
        return self.task(labels, self.dense(features), training=training)


def test_replicas_pay_their_share_of_a_mean(two_replicas):
    features = RNG.normal(size=(8, 3)).astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((features, LABELS[:8])).batch(8)
    answers = []
    # No collectives: strategies of one process would confuse theirs.
    for strategy in (two_replicas, tf.distribute.get_strategy()):
        with strategy.scope():
            model = Ranker()
            model.compile(keras.optimizers.SGD(0.5))
        history = model.fit(dataset, epochs=2, verbose=0).history
        answers.append((model.get_weights(), history["loss"]))
    for ours, theirs in zip(answers[0][0], answers[1][0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    np.testing.assert_allclose(answers[0][1], answers[1][1], rtol=1e-5)


def test_mixed_precision_keeps_large_labels_and_a_float32_loss():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        task = Ranking(keras.losses.MeanAbsoluteError())
        value = task(tf.constant([[100_000.0]]), tf.constant([[2.0]], tf.float16))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    assert value.dtype == tf.float32
    assert float(value) == 99_998.0


def test_survives_json_with_its_loss_and_metrics():
    task = Ranking(BINARY(from_logits=True, label_smoothing=0.2), **all_metrics(), name="click")
    config = json.loads(json.dumps(task.get_config()))
    again = Ranking.from_config(config)
    assert again.name == "click"
    # Keras adds a key to its losses' configuration when they are loaded.
    again_config = json.loads(json.dumps(again.get_config()))
    assert {**again_config, "loss": config["loss"]} == config
    assert float(again(LABELS, PREDICTIONS)) == float(task(LABELS, PREDICTIONS))
    assert results(again) == results(task)


def test_one_metric_needs_no_list():
    assert results(Ranking(metrics=keras.metrics.AUC(name="auc"))) == {"auc": 0.0}


@pytest.mark.parametrize("loss", [None, keras.losses.BinaryFocalCrossentropy()])
@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([[5.0]], [[0.5]], r"`labels` must be in \[0, 1\], because the loss is Binary"),
        ([[-1.0]], [[0.5]], "`labels` must be in"),
        ([[1.0]], [[1.5]], r"`predictions` must be in .* \(for logits use `from_logits=True`"),
    ],
)
def test_binary_losses_refuse_what_is_no_probability(loss, labels, predictions, message):
    task = Ranking(loss)
    for call in (task, tf.function(task)):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call(tf.constant(labels), tf.constant(predictions))


def test_other_losses_take_any_label_and_binary_ones_take_logits():
    squared = Ranking(keras.losses.MeanSquaredError())
    assert float(squared(tf.constant([[5.0]]), tf.constant([[3.0]]))) == 4.0
    logits = Ranking(BINARY(from_logits=True))
    expected = math.log1p(math.exp(-3))
    np.testing.assert_allclose(logits(tf.ones([1, 1]), tf.constant([[3.0]])), expected, rtol=1e-5)


def test_a_diverged_model_gives_a_loss_to_report_and_no_error():
    assert math.isnan(Ranking()(tf.ones([1, 1]), tf.constant([[math.nan]])))


def labels_of_stars(stars):
    return tf.constant(stars) >= 4


@pytest.mark.parametrize("from_logits", [False, True])
def test_labels_may_be_booleans(from_logits):
    labels = labels_of_stars([[5.0], [2.0], [4.0]])
    predictions, loss = tf.constant(PREDICTIONS[:3]), BINARY(from_logits=from_logits)
    answers = []
    for kind in (Ranking, tfrs.tasks.Ranking):
        task = kind(loss, metrics=[keras.metrics.AUC(name="auc")])
        answers.append({"loss": float(task(labels, predictions)), **results(task)})
    assert answers[0] == pytest.approx(answers[1])


def test_a_method_or_a_function_is_a_loss():
    class Weighs:
        def squares(self, y_true, y_pred, sample_weight=None):
            return tf.reduce_sum(tf.square(y_true - y_pred))

    method = Weighs().squares
    for loss in (method, lambda y_true, y_pred, sample_weight=None: method(y_true, y_pred)):
        expected = float(tfrs.tasks.Ranking(loss)(LABELS, PREDICTIONS))
        assert float(Ranking(loss)(LABELS, PREDICTIONS)) == pytest.approx(expected)


def test_a_rounding_beyond_one_is_a_probability():
    almost = np.nextafter(np.float32(1), np.float32(2))
    assert abs(float(Ranking()(tf.ones([1, 1]), tf.constant([[almost]])))) < 1e-6
    half = tf.constant([[1.001]], tf.float16)
    assert abs(float(Ranking()(tf.ones([1, 1]), half))) < 1e-6


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_a_reduction_is_over_rows_whatever_shape_labels_have(reduction):
    rows = cross_entropy(LABELS, PREDICTIONS)
    value = Ranking(BINARY(reduction=reduction))(LABELS[:, 0], PREDICTIONS)
    np.testing.assert_allclose(value, rows.sum() if reduction == "sum" else rows, rtol=1e-5)


MISSING = np.arange(12) % 3 == 0


@pytest.mark.parametrize("weights", [None, WEIGHTS, WEIGHTS[:, np.newaxis]])
@pytest.mark.parametrize("way", ["nan", "mask", "column"])
def test_rows_without_a_label_take_no_part(way, weights):
    task = Ranking(**all_metrics(), skip_missing_labels=way == "nan")
    labels = np.where(MISSING[:, np.newaxis], np.nan if way == "nan" else 7, LABELS)
    masks = {"nan": None, "mask": ~MISSING, "column": ~MISSING[:, np.newaxis]}
    predictions = tf.constant(PREDICTIONS)
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        loss = task(
            labels.astype(np.float32), predictions, sample_weight=weights, label_mask=masks[way]
        )
    gradient = tape.gradient(loss, predictions)
    rows = np.ones(12) if weights is None else WEIGHTS
    losses = rows * cross_entropy(LABELS, PREDICTIONS)
    np.testing.assert_allclose(loss, losses[~MISSING].mean(), rtol=1e-5)
    assert np.all((gradient.numpy()[:, 0] == 0) == MISSING)
    found = results(task)
    np.testing.assert_allclose(found["loss_mean"], losses[~MISSING].mean(), rtol=1e-5)
    weighted = np.average(LABELS[~MISSING, 0], weights=rows[~MISSING])
    np.testing.assert_allclose(found["label_mean"], weighted, rtol=1e-5)
    everybody = np.average(PREDICTIONS[:, 0], weights=rows)
    np.testing.assert_allclose(found["prediction_mean"], everybody, rtol=1e-5)


def test_a_batch_without_any_label_teaches_nothing():
    task = Ranking(skip_missing_labels=True)
    again = Ranking.from_config(json.loads(json.dumps(task.get_config())))
    assert float(again(tf.fill([3, 1], math.nan), tf.fill([3, 1], 0.5))) == 0.0


def test_a_missing_label_is_no_number_unless_it_may_be_skipped():
    assert math.isnan(Ranking()(tf.constant([[math.nan]]), tf.constant([[0.5]])))


def test_labels_that_are_words_are_refused_by_name():
    with pytest.raises(ValueError, match=r"`labels` must be in \[0, 1\].* dtype string"):
        Ranking()(tf.constant([["yes"]]), tf.constant([[0.5]]))


@pytest.mark.parametrize(
    ("arguments", "mask", "message"),
    [
        ((LABELS, PREDICTIONS[:1]), None, "`labels` and `predictions` must be of the same rows"),
        ((LABELS, PREDICTIONS), [True], "`label_mask` must be of the same rows as `labels`"),
    ],
)
def test_rows_that_do_not_fit_are_refused(arguments, mask, message):
    with pytest.raises(ValueError, match=message):
        Ranking()(*arguments, label_mask=mask)


def test_a_loss_by_name_is_refused_with_the_mend():
    with pytest.raises(ValueError, match=r"`loss` must be a Keras loss or a function.*'mse'"):
        Ranking("mse")
