"""The towers of the retrieval tutorials, in Keras alone."""

import numpy as np
import tensorflow as tf

from benchmarks.migration.problem import Problem
from tfrs_ext._keras import keras

WIDTH = 32
Columns = dict[str, tf.Tensor]


class IdTower(keras.Model):
    """Looks the id in one column up in a table."""

    def __init__(self, problem: Problem, column: str) -> None:
        super().__init__()
        self.column = column
        known = problem.vocabulary(column)
        self.lookup = keras.layers.StringLookup(vocabulary=known, mask_token=None)
        self.table = keras.layers.Embedding(len(known) + 1, WIDTH)

    def call(self, columns: Columns) -> tf.Tensor:
        """Returns `[B, 32]`, or `[B, L, 32]` of lists."""
        return self.table(self.lookup(columns[self.column]))


class UserInTime(IdTower):
    """Puts the time of the request beside the user: its thousandth, and its distance in all."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, "user_id")
        times = problem.rows["timestamp"].astype(np.float64)
        edges = np.linspace(times.min(), times.max(), num=1000)
        self.buckets = keras.layers.Discretization(edges.tolist())
        self.times = keras.layers.Embedding(len(edges) + 1, WIDTH)
        self.middle, self.spread = float(times.mean()), float(times.std())

    def call(self, columns: Columns) -> tf.Tensor:
        """Returns `[B, 65]`."""
        time = columns["timestamp"]
        distance = (tf.cast(time, tf.float64) - self.middle) / self.spread
        distance = tf.cast(distance, tf.float32)[:, None]
        return tf.concat([super().call(columns), self.times(self.buckets(time)), distance], axis=1)


class ItemWithTitle(IdTower):
    """Puts the mean of the title's words beside the item."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem, "item_id")
        self.words = keras.layers.TextVectorization(max_tokens=10_000)
        self.words.adapt([title.decode() for title in problem.items["title"]])
        self.word_table = keras.layers.Embedding(10_000, WIDTH, mask_zero=True)
        self.mean = keras.layers.GlobalAveragePooling1D()

    def call(self, columns: Columns) -> tf.Tensor:
        """Returns `[B, 64]`."""
        words = self.mean(self.word_table(self.words(columns["title"])))
        return tf.concat([super().call(columns), words], axis=1)


class HistoryTower(keras.Model):
    """Reads the latest items with a GRU."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        known = problem.vocabulary("item_id")
        self.lookup = keras.layers.StringLookup(vocabulary=known, mask_token="")
        self.table = keras.layers.Embedding(len(known) + 2, WIDTH, mask_zero=True)
        self.reader = keras.layers.GRU(WIDTH)

    def call(self, columns: Columns) -> tf.Tensor:
        """Returns `[B, 32]`."""
        return self.reader(self.table(self.lookup(columns["history"])))


def with_layers(tower: keras.Model, hidden: tuple[int, ...] = ()) -> keras.Model:
    """Returns a tower with hidden layers over it, and a linear one of the common width.

    Args:
        tower: The tower.
        hidden: Widths of the hidden layers.
    """
    layers = [keras.layers.Dense(width, activation="relu") for width in hidden]
    return keras.Sequential([tower, *layers, keras.layers.Dense(WIDTH)])
