"""The classes that a program takes from a library: TFRS's, ours in their place, and our advice."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow_recommenders as tfrs

from benchmarks.migration.problem import Problem
from tfrs_ext import frequencies, indexes, layers, losses, metrics, models, negatives, tasks
from tfrs_ext._keras import keras


class Library(NamedTuple):
    """What the programs take from a library, by the names that TFRS gives it."""

    name: str
    Model: type[keras.Model]
    Retrieval: Callable[..., keras.layers.Layer]
    Ranking: type[keras.layers.Layer]
    FactorizedTopK: type[keras.layers.Layer]
    Cross: type[keras.layers.Layer]
    BruteForce: type[keras.Model]
    ScaNN: type[keras.Model]
    gives_ids: bool = False  # Whether the retrieval task is told the candidates' ids.
    list_loss: Callable[[], keras.losses.Loss] = keras.losses.MeanSquaredError


THEIRS = Library(
    "TFRS",
    tfrs.Model,
    tfrs.tasks.Retrieval,
    tfrs.tasks.Ranking,
    tfrs.metrics.FactorizedTopK,
    tfrs.layers.dcn.Cross,
    tfrs.layers.factorized_top_k.BruteForce,
    tfrs.layers.factorized_top_k.ScaNN,
)
OURS = Library(
    "tfrs_ext",
    models.Model,
    tasks.Retrieval,
    tasks.Ranking,
    metrics.FactorizedTopK,
    layers.Cross,
    indexes.Exact,
    indexes.ScaNN,
)


def advised(problem: Problem) -> Library:
    """Returns our classes with the losses that we advise: corrected logQ, and one for lists.

    Args:
        problem: Where the items are counted.
    """
    frequency = frequencies.CountedFrequency(*problem.item_counts())

    def retrieval(**arguments: Any) -> tasks.Retrieval:
        # The sum over the batch is TFRS's: the learning rate stays what it was.
        loss = losses.CorrectedSampledSoftmax(reduction="sum")
        return tasks.Retrieval(loss, negatives=negatives.InBatch(frequency), **arguments)

    return OURS._replace(
        name="tfrs_ext, as advised",
        Retrieval=retrieval,
        gives_ids=True,
        list_loss=losses.LambdaLoss,
    )
