"""Lists of items that one user has rated, to be put in order."""

import numpy as np
import tensorflow as tf

from benchmarks.migration.libraries import Library
from benchmarks.migration.outcome import Outcome, train
from benchmarks.migration.problem import Problem
from benchmarks.migration.ranking import PairScore, make_ranker


def listwise(library: Library, problem: Problem, epochs: int = 16) -> Outcome:
    """Scores of the items of a list, judged by their order alone."""
    parts = problem.lists()
    model = make_ranker(library, PairScore(problem), library.list_loss())
    outcome = train(model, parts, epochs)
    return outcome._replace(figures={"ndcg": mean_ndcg(model.score, parts[1])})


def mean_ndcg(score: tf.keras.Model, lists: tf.data.Dataset) -> float:
    """Returns the mean NDCG of whole lists, with gains of `2^rating - 1`.

    Args:
        score: Gives the scores `[B, L]` of a batch of lists.
        lists: Batches with the ratings `[B, L]`.
    """
    values = []
    for columns in lists:
        gains = 2.0 ** columns["rating"].numpy() - 1
        discounts = 1 / np.log2(np.arange(gains.shape[1]) + 2)
        order = np.argsort(-score(columns).numpy(), axis=1, kind="stable")
        found = (np.take_along_axis(gains, order, axis=1) * discounts).sum(axis=1)
        best = (-np.sort(-gains, axis=1) * discounts).sum(axis=1)
        values.append(found / best)
    return float(np.concatenate(values).mean())
