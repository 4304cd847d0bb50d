"""The first step of a training is traced once, since a trace takes longer than many steps."""

import pytest
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical
from tfrs_ext.models import DCN, Model, TwoTower
from tfrs_ext.optimizers import LazyAdam

USER, ITEM = Categorical("user", (1, 2)), Categorical("item", (7, 8))
ROWS = {"user": tf.constant([1, 2]), "item": tf.constant([7, 8]), "click": tf.constant([0.0, 1.0])}
BATCHES = tf.data.Dataset.from_tensors(ROWS)


def _count_traces(model, batches):
    """Returns how often Python passes over a step, of which TensorFlow makes a graph each time."""
    traced, step = [], model.train_step
    model.train_step = lambda inputs: traced.append(0) or step(inputs)
    model.fit(batches, epochs=2, verbose=0)
    return len(traced)


@pytest.mark.parametrize("optimizer", [LazyAdam(), "adagrad"])
def test_a_model_from_features_is_traced_once(optimizer):
    model = TwoTower.from_features([USER], [ITEM], embedding_dim=2, hidden_units=())
    model.compile(optimizer)
    assert _count_traces(model, BATCHES) == 1


def test_a_ranking_model_is_traced_once():
    model = DCN([USER, ITEM], embedding_dim=2, hidden_units=())
    model.compile("adam", "binary_crossentropy")
    rows = {name: column for name, column in ROWS.items() if name != "click"}
    labelled = tf.data.Dataset.from_tensors((rows, ROWS["click"]))
    assert _count_traces(model, labelled) == 1


class Late(Model):
    """Its layers are built by the first step."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def compute_loss(self, inputs, training=False):
        return tf.reduce_mean(self.dense(inputs))


def test_a_model_that_its_first_step_builds_trains_all_its_weights():
    model = Late()
    model.compile("adam")
    model.fit(tf.ones([4, 2]), verbose=0)
    before = [weight.numpy() for weight in model.trainable_variables]
    model.fit(tf.ones([4, 2]), verbose=0)
    assert len(before) == 2
    assert all(
        (w.numpy() != b).all() for w, b in zip(model.trainable_variables, before, strict=True)
    )


def test_legacy_optimizers_are_left_alone():
    model = TwoTower.from_features([USER], [ITEM], embedding_dim=2, hidden_units=())
    model.compile(keras.optimizers.legacy.SGD(0.1))
    model.fit(BATCHES, verbose=0)
