"""TwoTower over towers that its users wrote themselves: as in TFRS's tutorials, or functional."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tests.sweeps import mostly_slow
from tfrs_ext import losses, negatives, tasks
from tfrs_ext._keras import keras
from tfrs_ext.models import TwoTower

NAMES, MOVIES = ("ann", "bob", "eve"), (5, 7, 9, 11)


@keras.saving.register_keras_serializable(package="tests")
class UserModel(keras.Model):
    """Takes the mapping of columns, has no argument `training`, and is built when called."""

    def __init__(self, width=4, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.lookup = keras.layers.StringLookup(vocabulary=NAMES)
        self.embedding = keras.layers.Embedding(len(NAMES) + 1, width)
        self.dense = keras.layers.Dense(width)

    def call(self, inputs):
        names = self.embedding(self.lookup(inputs["user"]))
        return self.dense(tf.concat([names, inputs["age"][:, tf.newaxis]], axis=1))

    def get_config(self):
        return {"name": self.name, "width": self.width}


def movie_model():
    # Without a place for unknown ids: nothing but real ids can be looked up.
    lookup = keras.layers.IntegerLookup(vocabulary=MOVIES, num_oov_indices=0)
    return keras.Sequential([lookup, keras.layers.Embedding(len(MOVIES), 4)])


def functional():
    inputs = {
        "age": keras.Input([], name="age"),
        "user": keras.Input([], name="user", dtype="string"),
    }
    index = keras.layers.StringLookup(vocabulary=NAMES)(inputs["user"])
    age = keras.layers.Reshape([1])(inputs["age"])
    both = keras.layers.Concatenate()([keras.layers.Embedding(4, 3)(index), age])
    return keras.Model(inputs, keras.layers.Dense(4)(both))


def rows(count=96):
    rng = np.random.default_rng(4)
    user = rng.integers(0, 3, count)
    return {
        "user": np.array(NAMES)[user],
        "age": rng.normal(size=count).astype(np.float32),
        "movie": np.array(MOVIES)[(user + rng.integers(0, 2, count)) % 4].astype(np.int64),
    }


def dataset():
    return tf.data.Dataset.from_tensor_slices(rows()).batch(32)


def make(query_model=None, source=None):
    loss = losses.SampledSoftmax()
    task = tasks.Retrieval(loss, remove_accidental_hits=True, negatives=source)
    return TwoTower(
        query_model or UserModel(), movie_model(), task, item_id="movie", candidate_column="movie"
    )


@pytest.mark.parametrize(
    ("tower", "name"),
    mostly_slow(
        itertools.product([UserModel, functional], ["model.keras", "saved_model"]),
        [(UserModel, "model.keras")],
    ),
)
@pytest.mark.filterwarnings("ignore:Input dict contained keys")
def test_own_towers_learn_and_come_back(tmp_path, tower, name):
    model = make(tower())
    model.compile(keras.optimizers.Adam(0.05))
    history = model.fit(dataset(), epochs=4, verbose=0).history["loss"]
    assert history[-1] < history[0]
    batch = {key: tf.constant(value) for key, value in rows(8).items()}
    expected = model(batch)
    model.save(tmp_path / name)
    again = keras.models.load_model(tmp_path / name)
    np.testing.assert_allclose(again(batch), expected, rtol=1e-5, atol=1e-6)
    if name == "saved_model":
        return  # Keras loads what a subclassed model answers, and not its training.
    again.fit(dataset(), verbose=0)
    assert np.any(np.abs(again(batch) - expected) > 1e-4)


@pytest.mark.slow
def test_training_goes_on_where_it_was_interrupted(tmp_path):
    class StoppedError(Exception):
        pass

    def stop(epoch, logs):
        if epoch == 2:
            raise StoppedError

    def fit(model, folder, *callbacks):
        model.compile(keras.optimizers.Adam(0.05))
        backup = keras.callbacks.BackupAndRestore(tmp_path / folder)
        model.fit(dataset(), epochs=5, verbose=0, callbacks=[backup, *callbacks])
        return model

    keras.utils.set_random_seed(1)
    whole = fit(make(), "whole")
    keras.utils.set_random_seed(1)
    with pytest.raises(StoppedError):
        fit(make(), "parts", keras.callbacks.LambdaCallback(on_epoch_end=stop))
    resumed = fit(make(), "parts")  # Other initial weights: all must come from the backup.
    for ours, theirs in zip(resumed.weights, whole.weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_sources_embed_what_they_draw_with_the_users_tower():
    source = negatives.Uniform(MOVIES, num_negatives=3, seed=1)
    model = make(source=source)
    model.compile("sgd")
    assert np.isfinite(model.fit(dataset(), verbose=0).history["loss"][0])
