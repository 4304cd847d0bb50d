"""A training step with its data: ours, TFRS as its tutorials have it, and PyTorch by hand.

All sides have the same towers (a user's id and latest items; an item's id; one hidden layer),
batches, temperature, correction by logQ and learning rate, and as many threads. They take turns;
the medians count. TFRS is fed as in its tutorials, by `from_tensor_slices`, `shuffle` and `batch`,
and trained by Keras's Adam. What it waits for at the end of an epoch is left out here, and measured
by `benchmarks.epoch_ends`. Its tutorial on basic retrieval has FactorizedTopK in training, too,
which is measured for both libraries; those on deep models leave it out.

Run: python -m benchmarks.training_step --path ML-1M
"""

import argparse
import contextlib
import pathlib
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.peers.environments import make_environment
from benchmarks.splits import load
from benchmarks.timing import write
from tfrs_ext import data, frequencies, losses, metrics, models, negatives, optimizers, tasks
from tfrs_ext._keras import keras
from tfrs_ext.ops.datasets import without_tuning

BATCH, TEMPERATURE, RATE, LENGTH = 1024, 0.1, 0.002, 50
Run = Callable[[int], float]


class Problem:
    """Rows of the training part, and what the towers read of them."""

    def __init__(self, path: str) -> None:
        self.train = load(path, "global-time").train
        self.features = data.fit_features(self.train, history_length=LENGTH)
        self.query = [f for f in self.features.query if f.name in ("user_id", "history")]
        self.item = self.features.candidate[0]
        self.frequency = frequencies.CountedFrequency(*data.item_counts(self.train))

    def catalogue(self) -> tf.data.Dataset:
        """Returns the ids of all items, in batches as in TFRS's tutorials."""
        ids = tf.constant(self.item.vocabulary, tf.int64)
        return tf.data.Dataset.from_tensor_slices(ids).batch(128)

    def columns(self) -> dict[str, np.ndarray]:
        """Returns all rows, in their order."""
        batches = data.training_dataset(self.train, self.features, 8192, shuffle=False)
        parts = list(batches.as_numpy_iterator())
        names = ("user_id", "history", "item_id")
        return {name: np.concatenate([part[name] for part in parts]) for name in names}

    def towers(self) -> tuple[models.Tower, models.Tower]:
        """Returns new towers."""
        return models.Tower(self.query), models.Tower([self.item])


def ours(problem: Problem, with_metric: bool) -> Run:
    """Returns our model's training, fed by our pipeline."""
    query, candidate = problem.towers()
    metric = None
    if with_metric:
        metric = metrics.FactorizedTopK(
            problem.catalogue().map(lambda ids: (ids, candidate({"item_id": ids})))
        )
    task = tasks.Retrieval(
        losses.SampledSoftmax("logq"),
        temperature=TEMPERATURE,
        remove_accidental_hits=True,
        negatives=negatives.InBatch(problem.frequency),
        metrics=metric,
    )
    model = models.TwoTower(query, candidate, task, item_id="item_id")
    model.compile(optimizers.LazyAdam(RATE))
    batches = data.training_dataset(problem.train, problem.features, BATCH, seed=1)
    return fit(model, batches)


class Tutorial(tfrs.Model):
    """The same towers with TFRS's task."""

    def __init__(self, problem: Problem, with_metric: bool) -> None:
        super().__init__()
        self.query_model, self.candidate_model = problem.towers()
        self.frequency, self.with_metric = problem.frequency, with_metric
        metric = tfrs.metrics.FactorizedTopK(
            problem.catalogue().map(lambda ids: (ids, self.candidate_model({"item_id": ids})))
        )
        self.task = tfrs.tasks.Retrieval(
            metrics=metric if with_metric else None,
            temperature=TEMPERATURE,
            remove_accidental_hits=True,
        )

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns TFRS's loss."""
        ids = inputs["item_id"]
        return self.task(
            self.query_model(inputs),
            self.candidate_model(inputs),
            candidate_sampling_probability=tf.exp(self.frequency(ids)),
            candidate_ids=ids,
            compute_metrics=self.with_metric,
        )


def theirs(problem: Problem, columns: dict[str, np.ndarray], with_metric: bool) -> Run:
    """Returns the same model's training with TFRS, fed as in its tutorials."""
    model = Tutorial(problem, with_metric)
    model.compile(keras.optimizers.Adam(RATE))
    slices = tf.data.Dataset.from_tensor_slices(columns)
    # What an epoch waits for at its end is measured elsewhere, and is no part of a step.
    return fit(model, without_tuning(slices.shuffle(100_000).batch(BATCH)))


def fit(model: keras.Model, batches: tf.data.Dataset) -> Run:
    """Returns a function that trains some steps by `fit`, and returns their seconds."""

    def run(steps: int) -> float:
        part = batches.take(steps)
        start = time.perf_counter()
        model.fit(part, verbose=0)
        return time.perf_counter() - start

    return run


@contextlib.contextmanager
def by_hand(problem: Problem, columns: dict[str, np.ndarray]) -> Iterator[Run]:
    """Yields the training in PyTorch, which lives in a process of its own."""
    users, items = (np.array(feature.vocabulary) for feature in (problem.query[0], problem.item))
    history = columns["history"]
    rows = {
        "user": np.searchsorted(users, columns["user_id"]),
        "item": np.searchsorted(items, columns["item_id"]),
        "history": np.where(history < 0, 0, 1 + np.searchsorted(items, history)),
    }
    script = pathlib.Path(__file__).with_name("torch_by_hand.py")
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "rows.npz")
        np.savez(file, **rows)
        words = [str(word) for word in (file, BATCH, TEMPERATURE, RATE)]
        process = subprocess.Popen(
            [make_environment("rectools"), script, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        questions, answers = process.stdin, process.stdout
        assert questions is not None
        assert answers is not None

        def run(steps: int) -> float:
            print(steps, file=questions, flush=True)
            return float(answers.readline())

        try:
            yield run
        finally:
            questions.close()
            process.wait()


def take_turns(runs: dict[str, Run], steps: int, rounds: int) -> dict[str, float]:
    """Returns the median milliseconds of a step of each side; the first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            seconds = run(steps)
            if turn:
                found[name].append(1e3 * seconds / steps)
        print(turn, {name: values[-1:] for name, values in found.items()}, flush=True)
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    """Prints the table and writes benchmarks/results/training_step.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    problem = Problem(options.path)
    columns = problem.columns()
    plain = {"ours": ours(problem, False), "tfrs": theirs(problem, columns, False)}
    with by_hand(problem, columns) as run:
        milliseconds = take_turns({**plain, "pytorch": run}, options.steps, options.rounds)
    with_metric = {
        "ours_with_metric": ours(problem, True),
        "tfrs_with_metric": theirs(problem, columns, True),
    }
    milliseconds |= take_turns(with_metric, max(1, options.steps // 5), options.rounds)
    result: dict[str, Any] = {
        "rows": BATCH,
        "milliseconds": milliseconds,
        "tfrs_by_ours": milliseconds["tfrs"] / milliseconds["ours"],
        "pytorch_by_ours": milliseconds["pytorch"] / milliseconds["ours"],
        "tfrs_by_ours_with_metric": milliseconds["tfrs_with_metric"]
        / milliseconds["ours_with_metric"],
    }
    write("training_step", result)


if __name__ == "__main__":
    main()
