import numpy as np
import tensorflow as tf

from tfrs_ext import callbacks, frequencies, layers, models, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical

FEATURES = [Categorical("user", (1, 2))], [Categorical("item", (7, 8, 9))]
ROWS = {"user": tf.constant([1, 2, 1], tf.int64), "item": tf.constant([7, 8, 7], tf.int64)}


def _fit(task, *callbacks, epochs=3):
    model = models.TwoTower.from_features(*FEATURES, task, embedding_dim=4)
    # Eager steps: a callback sees the same values, and nothing is traced.
    model.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    batches = tf.data.Dataset.from_tensors(ROWS)
    return model, model.fit(batches, epochs=epochs, verbose=0, callbacks=list(callbacks)).history


def test_a_learned_temperature_and_a_streamed_q_are_followed(tmp_path):
    temperature = layers.LearnableTemperature(initial=0.25)
    frequency = frequencies.StreamingFrequency(16, alpha=0.5)
    groups = {"head": np.array([7]), "tail": np.array([9])}
    path = tmp_path / "history.csv"
    _, history = _fit(
        tasks.Retrieval(temperature=temperature, negatives=negatives.InBatch(frequency)),
        callbacks.TrainingTrace(groups),
        keras.callbacks.CSVLogger(path),
    )
    assert history["temperature"][-1] == 1 / float(temperature())
    assert len(set(history["temperature"])) == 3
    expected = float(frequency(tf.constant([7], tf.int64), training=False)[0])
    assert history["log_q_head"][-1] == expected
    assert history["log_q_head"][-1] > history["log_q_tail"][-1]
    assert {"temperature", "log_q_head", "log_q_tail"} <= set(
        path.read_text().split("\n")[0].split(",")
    )


def test_the_estimate_is_found_in_a_source_of_negatives_too():
    source = negatives.InBatch(frequencies.StreamingFrequency(16))
    task = tasks.Retrieval(negatives=source)
    _, history = _fit(task, callbacks.TrainingTrace({"head": [7]}), epochs=1)
    assert "log_q_head" in history


def test_what_stands_still_or_is_not_there_is_left_out():
    _, history = _fit(tasks.Retrieval(temperature=0.1), callbacks.TrainingTrace({"head": [7]}))
    assert set(history) == {"loss", "regularization_loss", "total_loss"}
    counted = frequencies.CountedFrequency([7, 8, 9], [3, 2, 1])
    task = tasks.Retrieval(negatives=negatives.InBatch(counted))
    _, history = _fit(task, callbacks.TrainingTrace({"head": [7]}), epochs=1)
    assert "log_q_head" not in history
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(
        np.ones((2, 1)), np.ones(2), verbose=0, callbacks=[callbacks.TrainingTrace()]
    )
    assert set(history.history) == {"loss"}
