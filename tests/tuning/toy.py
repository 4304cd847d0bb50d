"""A retrieval problem of 12 users and 9 items that trains in a moment, as a TFRS user writes it."""

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras

USERS, ITEMS = 12, 9
OBJECTIVE = "val_ndcg_at_10"


class Towers(tfrs.Model):
    def __init__(self, dim):
        super().__init__()
        self.users = keras.Sequential(
            [
                keras.layers.IntegerLookup(vocabulary=list(range(USERS))),
                keras.layers.Embedding(USERS + 1, dim),
            ]
        )
        self.items = keras.Sequential(
            [
                keras.layers.StringLookup(vocabulary=[str(i) for i in range(ITEMS)]),
                keras.layers.Embedding(ITEMS + 1, dim),
            ]
        )
        self.task = tfrs.tasks.Retrieval()

    def compute_loss(self, features, training=False):
        return self.task(self.users(features["user"]), self.items(features["item"]))


class Evaluation(keras.callbacks.Callback):
    """Adds NDCG over all items to the logs; holds a dataset, as evaluations do."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def on_epoch_end(self, epoch, logs=None):
        logs[OBJECTIVE] = ndcg(self.model, self.data)


def ndcg(model, data):
    items = model.items(tf.constant([str(i) for i in range(ITEMS)])).numpy()
    gains = []
    for batch in data:
        scores = model.users(batch["user"]).numpy() @ items.T
        own = scores[np.arange(len(scores)), batch["item"].numpy().astype(int)]
        ranks = (scores >= own[:, None]).sum(axis=1)
        gains.extend(1 / np.log2(1 + ranks))
    return float(np.mean(gains))


def interactions(rows=48):
    users = np.arange(rows) % USERS
    items = np.array([str(i) for i in users % ITEMS])
    return tf.data.Dataset.from_tensor_slices({"user": users, "item": items}).batch(16)


def build(hp):
    model = Towers(hp.Int("embedding_dim", 1, 8))
    rate = hp.Float("learning_rate", 0.01, 1.0, sampling="log")
    model.compile(keras.optimizers.Adagrad(rate))
    return model
