"""models.Model stands in for tfrs.Model: results, orders, weights, and what users override."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras
from tfrs_ext.models import Model

ROWS = {
    "label": np.array([1.0, 2.0, 6.0, 3.0], np.float32),
    "x": np.array([1.0, 0.0, 2.0, 1.0], np.float32),
}


def make(base, loss_metric=None):
    class Regression(base):
        """Pops its labels, as TFRS's tutorials do."""

        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3, kernel_initializer="ones")
            self.head = keras.layers.Dense(1, kernel_initializer="ones")
            metrics = [keras.metrics.RootMeanSquaredError(name="rmse")]
            self.task = tfrs.tasks.Ranking(
                keras.losses.MeanSquaredError(),
                metrics,
                loss_metrics=[loss_metric] if loss_metric else None,
            )

        def compute_loss(self, inputs, training=False):
            labels = inputs.pop("label")
            return self.task(labels[:, None], self.head(self.dense(inputs["x"][:, None])))

    model = Regression()
    model.compile("sgd")
    return model


def batches(size=2):
    return tf.data.Dataset.from_tensor_slices(ROWS).batch(size)


def test_inputs_may_be_popped_and_results_come_in_tfrs_order():
    results = {base: make(base).evaluate(batches(4), verbose=0) for base in (Model, tfrs.Model)}
    np.testing.assert_allclose(results[Model], results[tfrs.Model], rtol=1e-6)
    uneven = make(Model).evaluate(batches(3), verbose=0)
    np.testing.assert_allclose(uneven, results[Model], rtol=1e-6)


def test_weights_are_those_of_a_tfrs_model(tmp_path):
    ours, theirs = make(Model), make(tfrs.Model)
    for model in (ours, theirs):
        model.fit(batches(), verbose=0)
    shapes = [[w.shape for w in model.weights] for model in (ours, theirs)]
    assert shapes[0] == shapes[1]
    path = str(tmp_path / "weights")
    theirs.save_weights(path)
    ours.dense.set_weights([w * 0 for w in ours.dense.get_weights()])
    ours.load_weights(path).expect_partial()
    for a, b in zip(ours.dense.get_weights(), theirs.dense.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_losses_stay_where_metrics_are_overridden_and_start_anew_each_epoch():
    class Bare(Model):
        metrics = ()

        def compute_loss(self, inputs, training=False):
            return tf.reduce_mean(inputs)

    model = Bare()
    model.compile("sgd")
    for _ in range(2):
        assert model.evaluate(tf.constant([1.0, 3.0]), return_dict=True, verbose=0)["loss"] == 2.0


def test_a_metric_named_loss_does_not_replace_the_loss():
    class Last(keras.metrics.Mean):
        def update_state(self, values, sample_weight=None):
            return super().update_state(100.0)

    logs = make(Model, Last("loss")).evaluate(batches(), return_dict=True, verbose=0)
    expected = make(Model).evaluate(batches(), return_dict=True, verbose=0)["loss"]
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-6)


@pytest.mark.parametrize("first", [np.float32(2.0), tf.constant(2.0)])
def test_scalars_among_the_inputs_are_no_rows(first):
    class Scaled(Model):
        def compute_loss(self, inputs, training=False):
            return tf.reduce_mean(inputs["b"]) * inputs["a"]

    model = Scaled()
    model.compile("sgd")
    logs = model.test_step({"a": tf.constant(first), "b": tf.constant([1.0, 3.0])})
    assert float(logs["loss"]) == 4.0
