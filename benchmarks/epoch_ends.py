"""What an epoch waits for at its end: our batches as they are, and with tf.data's tuning thread.

The thread looks at the pipeline after 10 ms, then after twice as long each time, up to a minute.
Where it sleeps through the end of an epoch, the next one waits for it. The same model trains for
some epochs on the same batches; what counts is the time from an epoch's last step to the first one
of the next, or to the end of `fit`.

Run: python -m benchmarks.epoch_ends --path ML-1M
"""

import argparse
import time
from typing import Any

import tensorflow as tf

import tfrs_ext  # noqa: F401  # First of ours: it chooses Keras 2.
from benchmarks.splits import load
from benchmarks.timing import write
from tfrs_ext import data, models
from tfrs_ext._keras import keras


class Ends(keras.callbacks.Callback):
    """Notes how long each epoch took, and how long the next one waited."""

    def __init__(self) -> None:
        super().__init__()
        self.began = self.ended = 0.0
        self.epochs: list[float] = []
        self.waits: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins to count."""
        self.began = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Ends a wait with the first step."""
        if batch == 0 and self.ended:
            self.waits.append(time.perf_counter() - self.ended)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Begins a wait."""
        self.ended = time.perf_counter()
        self.epochs.append(self.ended - self.began)


def tuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the batches as tf.data makes them where nobody tells it otherwise."""
    options = tf.data.Options()
    options.autotune.enabled = True
    return batches.with_options(options)


def measure(model: keras.Model, batches: tf.data.Dataset, epochs: int) -> dict[str, Any]:
    """Returns the seconds that all took, and those in which nothing was done."""
    ends = Ends()
    start = time.perf_counter()
    model.fit(batches, epochs=epochs, callbacks=[ends], verbose=0)
    finish = time.perf_counter()
    waits = [*ends.waits, finish - ends.ended]
    return {
        "seconds": finish - start,
        "seconds_of_an_epoch": sum(ends.epochs) / epochs,
        "seconds_waited": sum(waits),
        "longest_wait": max(waits),
        "epochs_that_waited_half_a_second": sum(wait > 0.5 for wait in waits),
    }


def main() -> None:
    """Prints the table and writes benchmarks/results/epoch_ends.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True)
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 400])
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    train = load(options.path, "global-time").train
    features = data.fit_features(train)
    model = models.TwoTower.from_features(
        features.query, features.candidate, item_counts=data.item_counts(train)
    )
    model.compile(keras.optimizers.Adagrad(0.1))
    batches = data.training_dataset(train, features, 1024, seed=0)
    model.fit(batches.take(20), verbose=0)  # Traces.
    result = []
    for steps in options.steps:
        for name, part in {"as it is": batches, "with tuning": tuned(batches)}.items():
            found = measure(model, part.take(steps), options.epochs)
            result.append({"steps": steps, "batches": name, **found})
            print(result[-1], flush=True)
    write("epoch_ends", {"epochs": options.epochs, "found": result})


if __name__ == "__main__":
    main()
