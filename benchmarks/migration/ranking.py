"""Basic ranking, the cross network, lists, and ranking with retrieval."""

import tensorflow as tf

from benchmarks.migration import towers
from benchmarks.migration.libraries import Library
from benchmarks.migration.outcome import Outcome, train
from benchmarks.migration.problem import Problem
from tfrs_ext._keras import keras


def _error() -> keras.metrics.Metric:
    return keras.metrics.RootMeanSquaredError("rmse")


def _head() -> keras.Model:
    layers = [keras.layers.Dense(width, activation="relu") for width in (256, 64)]
    return keras.Sequential([*layers, keras.layers.Dense(1)])


def make_ranker(
    library: Library, score: keras.Model, loss: keras.losses.Loss | None = None
) -> keras.Model:
    """Returns a model that learns ratings.

    Args:
        library: Where its classes come from.
        score: Gives the ratings `[B, 1]`, or of lists `[B, L]`.
        loss: The mean squared error where it is None.
    """

    class Ranker(library.Model):
        """A model that predicts, and a task."""

        def __init__(self) -> None:
            super().__init__()
            self.score = score
            self.task = library.Ranking(loss or keras.losses.MeanSquaredError(), metrics=[_error()])

        def compute_loss(self, columns: towers.Columns, training: bool = False) -> tf.Tensor:
            predictions = self.score(columns)
            ratings = tf.reshape(columns["rating"], tf.shape(predictions))
            return self.task(labels=ratings, predictions=predictions)

    return Ranker()


class PairScore(keras.Model):
    """Hidden layers over a user and an item, or over a user and each item of a list."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.users, self.items = (towers.IdTower(problem, c) for c in ("user_id", "item_id"))
        self.head = _head()

    def call(self, columns: towers.Columns) -> tf.Tensor:
        """Returns `[B, 1]`, or `[B, L]` of lists."""
        users, items = self.users(columns), self.items(columns)
        if items.shape.rank == 2:
            return self.head(tf.concat([users, items], axis=1))
        users = tf.repeat(users[:, None], tf.shape(items)[1], axis=1)
        return tf.squeeze(self.head(tf.concat([users, items], axis=2)), 2)


class CrossScore(keras.Model):
    """A layer of crosses and two hidden layers over all columns."""

    def __init__(self, library: Library, problem: Problem) -> None:
        super().__init__()
        names = ("user_id", "item_id", *problem.user_columns)
        self.columns = [towers.IdTower(problem, name) for name in names]
        self.cross = library.Cross(projection_dim=None, kernel_initializer="glorot_uniform")
        self.hidden = [keras.layers.Dense(192, activation="relu") for _ in range(2)]
        self.head = keras.layers.Dense(1)

    def call(self, columns: towers.Columns) -> tf.Tensor:
        """Returns `[B, 1]`."""
        values = self.cross(tf.concat([column(columns) for column in self.columns], axis=1))
        for layer in self.hidden:
            values = layer(values)
        return self.head(values)


def basic_ranking(library: Library, problem: Problem, epochs: int = 3) -> Outcome:
    """Ratings from a user and an item."""
    return train(make_ranker(library, PairScore(problem)), problem.parts(), epochs)


def cross_network(library: Library, problem: Problem, epochs: int = 8) -> Outcome:
    """Ratings from all columns, which a cross network multiplies with each other."""
    model = make_ranker(library, CrossScore(library, problem))
    return train(model, problem.parts(), epochs, keras.optimizers.Adam(0.01))


def multi_task(library: Library, problem: Problem, epochs: int = 3) -> Outcome:
    """Retrieval and ratings over the same tables, with equal weights."""

    class Both(library.Model):
        """Two towers, a head, and two tasks."""

        def __init__(self) -> None:
            super().__init__()
            self.score = PairScore(problem)
            corpus = problem.catalogue().map(self.score.items)
            self.rating_task = library.Ranking(keras.losses.MeanSquaredError(), metrics=[_error()])
            self.retrieval_task = library.Retrieval(
                metrics=library.FactorizedTopK(candidates=corpus)
            )

        def compute_loss(self, columns: towers.Columns, training: bool = False) -> tf.Tensor:
            rating_loss = self.rating_task(
                labels=columns["rating"][:, None], predictions=self.score(columns)
            )
            retrieval_loss = self.retrieval_task(
                self.score.users(columns),
                self.score.items(columns),
                candidate_ids=columns["item_id"] if library.gives_ids else None,
                compute_metrics=not training,
            )
            return rating_loss + retrieval_loss

    return train(Both(), problem.parts(), epochs)
