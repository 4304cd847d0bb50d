import copy

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import callbacks, evaluation
from tfrs_ext._keras import keras


class _Towers(keras.Model):
    def __init__(self):
        super().__init__()
        self.query_model = keras.layers.Embedding(6, 4)
        self.candidate_model = keras.layers.Embedding(9, 4)

    def call(self, inputs):
        return tf.reduce_sum(self.query_model(inputs[0]) * self.candidate_model(inputs[1]), axis=1)


POSITIVES = [[i, i + 3] for i in range(6)]
SEEN = [[(i + 5) % 9] for i in range(6)]
PAIRS = (np.arange(6).repeat(2), np.array(POSITIVES).ravel())


def _fit(*callbacks, epochs=3, model=None):
    model = _Towers() if model is None else model
    # Eager steps: a callback sees the same values, and nothing is traced.
    model.compile(keras.optimizers.SGD(10.0), "mse", run_eagerly=True)
    return model, model.fit(PAIRS, np.ones(12), epochs=epochs, verbose=0, callbacks=list(callbacks))


def _batch():
    return PAIRS, np.ones(12)


def _evaluation(**options):
    return callbacks.RetrievalEvaluation(
        np.arange(6), np.arange(9), POSITIVES, SEEN, ks=[2, 4], **options
    )


def _expected(model, ties="pessimistic"):
    queries, candidates = model.query_model(np.arange(6)), model.candidate_model(np.arange(9))
    return evaluation.evaluate_retrieval(queries, candidates, POSITIVES, SEEN, [2, 4], ties)


def test_history_holds_the_metrics_of_every_epoch():
    evaluation = _evaluation()
    model, history = _fit(evaluation)
    names = {f"val_{name}_at_{k}" for name in ("recall", "ndcg") for k in (2, 4)}
    assert set(history.history) == {"loss", *names}
    assert history.history["val_ndcg_at_4"][-1] == _expected(model)["ndcg_at_4"]
    assert len(set(history.history["val_ndcg_at_4"])) > 1
    assert evaluation.result.summary() == _expected(model).summary()


def test_callbacks_after_it_stop_and_save_by_its_metrics(tmp_path):
    class Falling(callbacks.RetrievalEvaluation):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            logs["val_ndcg_at_2"] = 1.0 - epoch

    evaluation = Falling(np.arange(6), np.arange(9), POSITIVES)
    stop = keras.callbacks.EarlyStopping("val_ndcg_at_2", mode="max", patience=2)
    path = str(tmp_path / "{epoch}.weights.h5")
    save = keras.callbacks.ModelCheckpoint(
        path, "val_ndcg_at_2", mode="max", save_best_only=True, save_weights_only=True
    )
    _, history = _fit(evaluation, stop, save, epochs=9)
    assert len(history.history["loss"]) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["1.weights.h5"]


def test_between_evaluations_the_last_values_are_repeated():
    evaluation = _evaluation(every=3)
    calls = []
    evaluate = evaluation.evaluate
    evaluation.evaluate = lambda: calls.append(len(calls)) or evaluate()
    model, history = _fit(evaluation, epochs=6)
    values = history.history["val_ndcg_at_4"]
    assert len(calls) == 3  # After the first epoch, the fourth, and the last.
    assert values[0] == values[1] == values[2]
    assert values[3] == values[4]
    assert values[5] == _expected(model)["ndcg_at_4"]


def test_evaluate_runs_it_once_and_keeps_the_result():
    evaluation, calls = _evaluation(), []
    evaluate = evaluation.evaluate
    evaluation.evaluate = lambda: calls.append(1) or evaluate()
    model = _Towers()
    # Eager steps: a callback sees the same values, and nothing is traced.
    model.compile(keras.optimizers.SGD(10.0), "mse", run_eagerly=True)
    logs = {}
    after = keras.callbacks.LambdaCallback()
    after.on_test_end = logs.update
    model.evaluate(*_batch(), verbose=0, callbacks=[evaluation, after])
    assert len(calls) == 1
    assert evaluation.result.summary() == _expected(model).summary()
    assert logs["val_ndcg_at_2"] == evaluation.result["ndcg_at_2"]
    model.fit(*_batch(), validation_data=_batch(), epochs=2, verbose=0, callbacks=[evaluation])
    assert len(calls) == 3  # The validation of an epoch is no evaluation of its own.


def test_a_sample_is_the_same_in_every_epoch():
    model = _Towers()
    evaluation = _evaluation(sample=3, seed=4)
    evaluation.set_model(model)
    first = evaluation.evaluate()
    assert first.per_query["rank"].shape == (3,)
    again = _evaluation(sample=3, seed=4)
    again.set_model(model)
    np.testing.assert_array_equal(again.evaluate().per_query["rank"], first.per_query["rank"])
    everyone = set(_expected(model).per_query["map_at_4"])
    assert set(first.per_query["map_at_4"]) <= everyone


def test_features_come_as_dicts_or_datasets_and_models_as_arguments():
    class Column(keras.layers.Embedding):
        def call(self, inputs):
            return super().call(inputs["id"])

    query_model, candidate_model = Column(6, 4), Column(9, 4)
    catalogue = tf.data.Dataset.from_tensor_slices({"id": np.arange(9)}).batch(2)
    watch = callbacks.RetrievalEvaluation(
        {"id": np.arange(6)},
        catalogue,
        tf.ragged.constant(POSITIVES),
        tf.ragged.constant(SEEN),
        metrics=["mrr"],
        ties="expected",
        prefix="test_",
        query_model=query_model,
        candidate_model=candidate_model,
        sample=6,
    )
    watch.on_epoch_end(0, logs := {})
    expected = evaluation.evaluate_retrieval(
        query_model.embeddings, candidate_model.embeddings, POSITIVES, SEEN, ties="expected"
    )
    assert logs == {f"test_mrr_at_{k}": expected[f"mrr_at_{k}"] for k in (10, 100)}


def test_towers_are_embedded_in_inference_mode():
    dropout = keras.Sequential([keras.layers.Embedding(6, 4), keras.layers.Dropout(0.9)])
    evaluation = _evaluation(query_model=dropout, candidate_model=keras.layers.Embedding(9, 4))
    first = evaluation.evaluate().summary()
    assert evaluation.evaluate().summary() == first


def test_copies_work_on_models_of_their_own():
    original = _evaluation()
    _fit(original)
    twin = copy.deepcopy(original)
    model, history = _fit(twin)
    assert history.history["val_ndcg_at_4"][-1] == _expected(model)["ndcg_at_4"]
    assert original.model is not model


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"`metrics` must be among .*, received \['auc'\]"):
        _evaluation(metrics=["auc"])
    with pytest.raises(ValueError, match="`every` must be a positive integer"):
        _evaluation(every=0)
    with pytest.raises(ValueError, match="`queries` must be arrays where `sample`"):
        callbacks.RetrievalEvaluation(tf.data.Dataset.range(3), [0], [0], sample=2)
    evaluation = _evaluation()
    evaluation.set_model(keras.Sequential())
    with pytest.raises(ValueError, match="`query_model` must be given"):
        evaluation.evaluate()
