"""Metrics over the corpus inside a two-tower model: which positives they match, and when."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext import indexes, losses, metrics, models, tasks
from tfrs_ext._keras import keras

TFRS = tfrs.layers.factorized_top_k
NUMBERS = np.arange(1, 9)  # Positions are 0 to 7: taken for them, each id would be the next item.
WORDS = np.array([f"item {i}" for i in NUMBERS])


def _tower(ids):
    lookup = (keras.layers.StringLookup if ids is WORDS else keras.layers.IntegerLookup)(
        vocabulary=list(ids), num_oov_indices=0
    )
    table = keras.layers.Embedding(8, 8, embeddings_initializer=keras.initializers.Identity())
    return keras.Sequential([lookup, table])


def _model(ids):
    """Returns a model in which query u's best item is always item u."""
    task = tasks.Retrieval(loss=losses.SampledSoftmax())
    model = models.TwoTower(
        _tower(ids), _tower(ids), task, item_id="item", query_column="user", candidate_column="item"
    )
    model.compile(keras.optimizers.SGD(0.0))
    return model


def _rows(ids):
    return tf.data.Dataset.from_tensor_slices({"user": ids, "item": ids}).batch(4)


def _alone(model, ids):
    return tf.data.Dataset.from_tensor_slices(ids).batch(3).map(model.candidate_model)


def _with_ids(model, ids):
    batches = tf.data.Dataset.from_tensor_slices(ids).batch(3)
    return batches.map(lambda some: (some, model.candidate_model(some)))


FORMS = {
    "embeddings alone": _alone,
    "ids and embeddings": _with_ids,
    "TFRS's streaming layer, alone": lambda *a: TFRS.Streaming().index_from_dataset(_alone(*a)),
    "TFRS's streaming layer, ids": lambda *a: TFRS.Streaming().index_from_dataset(_with_ids(*a)),
    "TFRS's index, alone": lambda *a: TFRS.BruteForce(k=5).index_from_dataset(_alone(*a)),
    "TFRS's index, ids": lambda *a: TFRS.BruteForce(k=5).index_from_dataset(_with_ids(*a)),
    "our index, alone": lambda *a: indexes.Exact().index_from_dataset(_alone(*a)),
    "our index, ids": lambda *a: indexes.Exact().index_from_dataset(_with_ids(*a)),
}


@pytest.mark.parametrize("metric", [metrics.FactorizedTopK, tfrs.metrics.FactorizedTopK])
@pytest.mark.parametrize("ids", [NUMBERS, WORDS], ids=["integers", "strings"])
@pytest.mark.parametrize("form", FORMS)
def test_a_model_that_is_always_right_hits_whatever_candidates_are_given_as(form, ids, metric):
    model = _model(ids)
    model.task.factorized_metrics = metric(FORMS[form](model, ids), ks=[1])
    results = model.test_step({"user": tf.constant(ids), "item": tf.constant(ids)})
    assert results["factorized_top_k/top_1_categorical_accuracy"] == 1.0
    (used,) = model.task.factorized_metrics
    assert metrics.has_candidate_ids(used) == ("alone" not in form)


@pytest.mark.parametrize("form", ["embeddings alone", "TFRS's index, alone"])
def test_in_a_graph_too(form):
    model = _model(NUMBERS)
    model.task.factorized_metrics = metrics.FactorizedTopK(FORMS[form](model, NUMBERS), ks=[1])
    results = model.evaluate(_rows(NUMBERS), return_dict=True, verbose=0)
    assert results["factorized_top_k/top_1_categorical_accuracy"] == 1.0


def test_an_approximate_index_still_gets_the_ids():
    model = _model(NUMBERS)
    index = indexes.Quantized().index_from_dataset(_with_ids(model, NUMBERS))
    assert not index.is_exact()
    model.task.factorized_metrics = metrics.FactorizedTopK(index, ks=[1])
    results = model.test_step({"user": tf.constant(NUMBERS), "item": tf.constant(NUMBERS)})
    assert results["factorized_top_k/top_1_categorical_accuracy"] == 1.0


@pytest.mark.parametrize("make", [indexes.Quantized, indexes.ScaNN])
def test_an_approximate_index_that_knows_positions_alone_is_refused(make):
    model = _model(NUMBERS)
    index = make().index_from_dataset(_alone(model, NUMBERS))
    model.task.factorized_metrics = metrics.FactorizedTopK(index, ks=[1])
    with pytest.raises(ValueError, match=r"built with ids, `index\(embeddings, ids\)`"):
        model.test_step({"user": tf.constant(NUMBERS), "item": tf.constant(NUMBERS)})


def test_training_logs_hold_nothing_that_was_not_computed():
    model = _model(NUMBERS)
    model.task.factorized_metrics = metrics.FactorizedTopK(_with_ids(model, NUMBERS), ks=[1])
    history = model.fit(_rows(NUMBERS), validation_data=_rows(NUMBERS), epochs=2, verbose=0).history
    name = "factorized_top_k/top_1_categorical_accuracy"
    assert name not in history
    assert history[f"val_{name}"] == [1.0, 1.0]
    assert {"loss", "regularization_loss", "total_loss"} <= set(history)
    assert name not in model.train_on_batch({"user": NUMBERS, "item": NUMBERS}, return_dict=True)
    assert name in model.test_on_batch({"user": NUMBERS, "item": NUMBERS}, return_dict=True)
