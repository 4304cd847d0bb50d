"""A training step of few rows, and the first step of all, beside TFRS's task in the same model.

Both sides have the same towers, tables of 6,000 users and 4,000 items, and differ in the task
alone. A round takes one step of each side in turn; the figures are the medians of the ratios of
the rounds. The first step is that of a model that was just made: what it takes is tracing.

Run: python -m benchmarks.small_steps
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

import tfrs_ext  # noqa: F401  # First of ours: it chooses Keras 2.
from benchmarks.timing import write
from tfrs_ext import losses, tasks
from tfrs_ext._keras import keras
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.negatives import InBatch

SIZES = ((512, 60), (2048, 20), (8192, 4))  # Rows, and rounds.
USERS, ITEMS, WIDTH = 6_000, 4_000, 32
Columns = dict[str, tf.Tensor]


class Tutorial(tfrs.Model):
    """The model of TFRS's tutorials, with the task that is given."""

    def __init__(self, task: keras.layers.Layer) -> None:
        super().__init__()
        self.users, self.items = (
            keras.Sequential([keras.layers.Embedding(n, WIDTH), keras.layers.Dense(WIDTH)])
            for n in (USERS, ITEMS)
        )
        self.task = task

    def compute_loss(self, inputs: Columns, training: bool = False) -> tf.Tensor:
        """Returns the task's loss."""
        users, items = self.users(inputs["user"]), self.items(inputs["item"])
        return self.task(users, items, candidate_ids=inputs["item"], compute_metrics=not training)


def sides() -> dict[str, Callable[[], keras.layers.Layer]]:
    """Returns what makes the tasks: TFRS's, ours in its place, and ours as we advise it."""
    counts = CountedFrequency(np.arange(ITEMS), np.arange(ITEMS) + 1.0)
    return {
        "tfrs": lambda: tfrs.tasks.Retrieval(remove_accidental_hits=True),
        "ours": lambda: tasks.Retrieval(remove_accidental_hits=True),
        "advised": lambda: tasks.Retrieval(
            losses.CorrectedSampledSoftmax(), temperature=0.1, negatives=InBatch(counts)
        ),
    }


def make_batch(rows: int) -> Columns:
    """Returns a batch whose items follow Zipf's law."""
    rng = np.random.default_rng(0)
    chances = 1 / np.arange(1, ITEMS + 1)
    items = rng.choice(ITEMS, size=rows, p=chances / chances.sum())
    users = rng.integers(USERS, size=rows)
    return {"user": tf.constant(users, tf.int64), "item": tf.constant(items, tf.int64)}


def make_step(task: keras.layers.Layer, rows: int) -> Callable[[], Any]:
    """Returns a step of training as `fit` takes it, with a batch whose size a graph can't know."""
    model = Tutorial(task)
    model.compile(keras.optimizers.Adagrad(0.1))
    batches = tf.data.Dataset.from_tensor_slices(make_batch(rows)).batch(rows).cache().repeat()
    iterator, train = iter(batches), model.make_train_function()
    return lambda: train(iterator)


def timed(call: Callable[[], Any], clock: Callable[[], float]) -> float:
    """Returns the seconds that a call takes until its answer is there."""
    start = clock()
    tf.nest.map_structure(lambda part: part.numpy(), call())
    return clock() - start


def ratios(found: dict[str, list[float]]) -> dict[str, float]:
    """Returns the median of each side over TFRS's, and TFRS's median in milliseconds."""
    base = found["tfrs"]
    pairs = {n: [a / b for a, b in zip(times, base, strict=True)] for n, times in found.items()}
    result = {name: round(statistics.median(values), 3) for name, values in pairs.items()}
    return {**result, "tfrs_ms": round(1e3 * statistics.median(base), 2)}


def main() -> None:
    """Prints the ratios and writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processor", action="store_true", help="Time of the processor, not wall.")
    parser.add_argument("--rounds", type=float, default=1.0, help="More or fewer rounds.")
    options = parser.parse_args()
    clock = time.process_time if options.processor else time.perf_counter
    result: dict[str, dict[str, float]] = {}
    first: dict[str, list[float]] = {name: [] for name in sides()}
    for turn in range(6):
        for name, make in sides().items():
            step = make_step(make(), 512)
            seconds = timed(step, clock) + timed(step, clock)  # The second one traces, too.
            if turn:
                first[name].append(seconds)
    result["first two steps"] = ratios(first)
    print(result, flush=True)
    for rows, rounds in SIZES:
        steps = {name: make_step(make(), rows) for name, make in sides().items()}
        found: dict[str, list[float]] = {name: [] for name in steps}
        for turn in range(3 + max(1, int(options.rounds * rounds))):
            for name, step in steps.items():
                seconds = timed(step, clock)
                if turn >= 3:
                    found[name].append(seconds)
        result[f"{rows} rows"] = ratios(found)
        print(rows, result[f"{rows} rows"], flush=True)
    write("small_steps", result)


if __name__ == "__main__":
    main()
