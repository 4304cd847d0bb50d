"""Evaluation and export of the retrieval recipe beside the same towers in plain TFRS.

`benchmarks.training_step` measures the training.

Run: python -m benchmarks.retrieval_stages --data movielens-1m --path FOLDER
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.timing import write
from recipes.shared import DataSource
from tfrs_ext import (
    callbacks,
    data,
    frequencies,
    losses,
    models,
    negatives,
    serving,
    tasks,
)
from tfrs_ext._keras import keras

BATCH = 1024
TEMPERATURE = 0.1


@dataclasses.dataclass(frozen=True)
class Problem:
    """The data, split by time, and the towers' columns."""

    frames: data.Frames
    split: data.Split
    features: data.FeatureSet

    @classmethod
    def of(cls, source: DataSource) -> "Problem":
        """Loads the data of a source."""
        frames = source.load()
        split = source.split_frames(frames)
        return cls(frames, split, data.fit_features(split.train))


class Tutorial(tfrs.Model):
    """The same towers with TFRS's task, corrected by logQ, and its metric."""

    def __init__(self, problem: Problem, frequency: Any) -> None:
        super().__init__()
        self.query_model = models.Tower(problem.features.query)
        self.candidate_model = models.Tower(problem.features.candidate)
        self.frequency, self.item_id = frequency, problem.frames.schema.item_id
        catalogue = data.candidates_dataset(problem.frames, problem.features, 128)
        self.task = tfrs.tasks.Retrieval(
            metrics=tfrs.metrics.FactorizedTopK(
                catalogue.map(lambda b: (b[self.item_id], self.candidate_model(b))), ks=(10, 100)
            ),
            temperature=TEMPERATURE,
            remove_accidental_hits=True,
        )

    def compute_loss(self, inputs: dict[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns TFRS's loss."""
        ids = inputs[self.item_id]
        return self.task(
            self.query_model(inputs),
            self.candidate_model(inputs),
            candidate_sampling_probability=tf.exp(self.frequency(ids)),
            candidate_ids=ids,
            compute_metrics=not training,
        )


def ours(problem: Problem, frequency: Any) -> models.TwoTower:
    """Returns the recipe's model."""
    task = tasks.Retrieval(
        loss=losses.CorrectedSampledSoftmax(),
        temperature=TEMPERATURE,
        remove_accidental_hits=True,
        negatives=negatives.InBatch(frequency),
    )
    features = problem.features
    return models.TwoTower.from_features(features.query, features.candidate, task)


def row_by_row(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the same columns as tutorials feed them: slices, shuffled, batched."""
    columns = {name: np.concatenate(parts) for name, parts in _columns(batches).items()}
    return tf.data.Dataset.from_tensor_slices(columns).shuffle(100_000).batch(BATCH)


def _columns(batches: tf.data.Dataset) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for batch in batches.as_numpy_iterator():
        for name, values in batch.items():
            columns.setdefault(name, []).append(values)
    return columns


def seconds(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Returns the median time of each call; the calls alternate, after one round of warm-up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(repeats + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Prints the table and writes benchmarks/results/retrieval_stages.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--path")
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    problem = Problem.of(DataSource(args.data, args.path))
    frequency = frequencies.CountedFrequency(*data.item_counts(problem.split.train))
    our, their = ours(problem, frequency), Tutorial(problem, frequency)
    their.compile(keras.optimizers.Adam(0.002))
    train = problem.split.train
    part = problem.split.validation
    held_out = data.training_dataset(
        part, problem.features, BATCH, history=train, shuffle=False
    ).unbatch()
    held_out = held_out.take(args.queries).batch(BATCH).cache()
    queries = data.next_item_queries(
        part, problem.features, history_from=train, max_queries=args.queries
    )
    catalogue = data.candidates_dataset(problem.frames, problem.features, 1024)
    evaluation = callbacks.RetrievalEvaluation(queries.queries, catalogue, queries.positives)
    evaluation.set_model(our)
    state = data.user_states(problem.frames, problem.features)
    ids = problem.frames.items[problem.frames.schema.item_id].to_numpy()

    def embed() -> Any:
        return np.concatenate([our.candidate_model(batch).numpy() for batch in catalogue])

    def export_ours(folder: str) -> None:
        serving.export(
            folder,
            our.query_model,
            embed(),
            serving.Items({their.item_id: ids}, item_id=their.item_id),
            users=serving.Users(state, user_id=problem.frames.schema.user_id),
        )

    def export_theirs(folder: str) -> None:
        index = tfrs.layers.factorized_top_k.BruteForce(their.query_model, k=100)
        index.index_from_dataset(
            catalogue.map(lambda b: (b[their.item_id], their.candidate_model(b)))
        )
        index({name: tf.constant(column[:1]) for name, column in state.items()})
        index.save(folder, options=tf.saved_model.SaveOptions())

    def in_scratch(save: Callable[[str], None]) -> Callable[[], None]:
        def call() -> None:
            with tempfile.TemporaryDirectory() as folder:
                save(folder)

        return call

    stages = {
        f"evaluate {args.queries} queries": (
            evaluation.evaluate,
            lambda: their.evaluate(held_out, verbose=0),
        ),
        "export (ours verified in a fresh process)": (
            in_scratch(export_ours),
            in_scratch(export_theirs),
        ),
    }
    result = {}
    for name, (mine, tutorial) in stages.items():
        times = seconds({"tfrs_ext": mine, "tfrs": tutorial}, args.repeats)
        result[name] = {**times, "ratio": times["tfrs"] / times["tfrs_ext"]}
        print(name, result[name], flush=True)
    write("retrieval_stages", {"data": args.data, "stages": result})


if __name__ == "__main__":
    main()
