"""Functions of users may hold Python's `if` over tensors; ours hold none and are left alone."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfrs_ext import losses, models, negatives, tasks
from tfrs_ext._keras import keras

PAIRS = {"user": np.arange(6) % 3, "item": np.arange(6) % 4}


def tower(size):
    return keras.layers.Embedding(size, 2)


class Retriever(models.Model):
    """Has an `if` over a tensor in its loss, as a user's model of TFRS may."""

    def __init__(self, task):
        super().__init__()
        self.users, self.items, self.task = tower(3), tower(4), task

    def compute_loss(self, inputs, training=False):
        users, items = self.users(inputs["user"]), self.items(inputs["item"])
        if tf.reduce_sum(inputs["item"]) < 0:
            users = tf.zeros_like(users)
        return self.task(users, items, candidate_ids=inputs["item"])


class Corrected(losses.SampledSoftmax):
    def correct(self, positive, positives, negatives):
        bias = super().correct(positive, positives, negatives)
        if tf.reduce_sum(positive) > 1e9:
            positive = tf.zeros_like(positive)
        return positive, bias[1]


class Drawn(negatives.InBatch):
    def draw(self, batch):
        scale = tf.constant(1.0)
        if tf.reduce_sum(batch.queries) > 1e9:
            scale = tf.constant(2.0)
        return super().draw(dataclasses.replace(batch, queries=batch.queries * scale))


@pytest.mark.parametrize(
    "make", [tasks.Retrieval, lambda: tasks.Retrieval(loss=Corrected(), negatives=Drawn())]
)
def test_a_users_control_flow_is_rewritten_wherever_it_plugs_in(make):
    model = Retriever(make())
    model.compile("sgd")
    data = tf.data.Dataset.from_tensor_slices(PAIRS).batch(3)
    assert np.isfinite(model.fit(data, verbose=0).history["loss"][0])


def test_functions_of_the_package_are_traced_as_written():
    from tensorflow.python.autograph.impl import conversion

    assert conversion.is_allowlisted(tasks.Retrieval.call)
    assert not conversion.is_allowlisted(Retriever.compute_loss)
