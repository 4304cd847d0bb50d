"""Trains and evaluates a model, and notes what came of it."""

import time
from typing import NamedTuple

import tensorflow as tf

from tfrs_ext._keras import keras


class Outcome(NamedTuple):
    """What a program gave.

    Attributes:
        figures: The metrics of the test part by name.
        seconds: The processor's seconds that parts of the program took, on all cores, the first
            step's tracing included: a busy machine does not change them.
        model: The model, trained.
    """

    figures: dict[str, float]
    seconds: dict[str, float]
    model: keras.Model


def train(
    model: keras.Model,
    parts: tuple[tf.data.Dataset, tf.data.Dataset],
    epochs: int,
    optimizer: keras.optimizers.Optimizer | None = None,
) -> Outcome:
    """Compiles, trains and evaluates a model, as all tutorials do.

    Args:
        model: The model.
        parts: Batches to train on, and batches of the test part.
        epochs: How often the training part is passed.
        optimizer: Adagrad of a rate of 0.1 where it is None, the tutorials' usual one.
    """
    model.compile(keras.optimizers.Adagrad(0.1) if optimizer is None else optimizer)
    start = time.process_time()
    model.fit(parts[0], epochs=epochs, verbose=0)
    trained = time.process_time()
    figures = model.evaluate(parts[1], return_dict=True, verbose=0)
    seconds = {"train": trained - start, "evaluate": time.process_time() - trained}
    return Outcome({name: float(value) for name, value in figures.items()}, seconds, model)
