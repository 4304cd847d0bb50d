"""Basic retrieval, featurization, deep towers and sequential retrieval."""

import tensorflow as tf

from benchmarks.migration import towers
from benchmarks.migration.libraries import Library
from benchmarks.migration.outcome import Outcome, train
from benchmarks.migration.problem import Problem
from tfrs_ext._keras import keras


def make_retriever(
    library: Library, problem: Problem, query_model: keras.Model, candidate_model: keras.Model
) -> keras.Model:
    """Returns a model with two towers, as the tutorials write it.

    Args:
        library: Where its classes come from.
        problem: Where the items come from.
        query_model: The tower of users.
        candidate_model: The tower of items.
    """

    class Retriever(library.Model):
        """Two towers and a task."""

        def __init__(self) -> None:
            super().__init__()
            self.query_model, self.candidate_model = query_model, candidate_model
            corpus = problem.catalogue().map(candidate_model)
            self.task = library.Retrieval(metrics=library.FactorizedTopK(candidates=corpus))

        def compute_loss(self, columns: towers.Columns, training: bool = False) -> tf.Tensor:
            return self.task(
                self.query_model(columns),
                self.candidate_model(columns),
                candidate_ids=columns["item_id"] if library.gives_ids else None,
                compute_metrics=not training,
            )

    return Retriever()


def basic_retrieval(library: Library, problem: Problem, epochs: int = 3) -> Outcome:
    """One table of users and one of items."""
    users, items = (towers.IdTower(problem, column) for column in ("user_id", "item_id"))
    return train(make_retriever(library, problem, users, items), problem.parts(), epochs)


def featurization(library: Library, problem: Problem, epochs: int = 3) -> Outcome:
    """The time of the request and the words of the title beside the ids."""
    users = towers.with_layers(towers.UserInTime(problem))
    items = towers.with_layers(towers.ItemWithTitle(problem))
    return train(make_retriever(library, problem, users, items), problem.parts(), epochs)


def deep_towers(library: Library, problem: Problem, epochs: int = 3) -> Outcome:
    """The same columns under hidden layers."""
    users = towers.with_layers(towers.UserInTime(problem), hidden=(64,))
    items = towers.with_layers(towers.ItemWithTitle(problem), hidden=(64,))
    return train(make_retriever(library, problem, users, items), problem.parts(), epochs)


def sequential(library: Library, problem: Problem, epochs: int = 3) -> Outcome:
    """The latest ten items in the place of the user, and each user's last item as the question."""
    users, items = towers.HistoryTower(problem), towers.IdTower(problem, "item_id")
    return train(make_retriever(library, problem, users, items), problem.parts_by_time(), epochs)
