"""What several processes of one machine bring: steps of one, two and four, weak and strong.

Each process computes with one thread, so that it stands for a machine of one core. Strong: the
global batch stays the same. Weak: the batch of each process does. The pieces of a step are measured
beside it: the same step of one process alone, the gathering of the candidates, and the sum of the
dense gradients.

Run: python -m benchmarks.workers
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

import tfrs_ext
from benchmarks.timing import write
from tfrs_ext import losses, models, negatives, optimizers, tasks, training
from tfrs_ext._keras import keras

ITEMS, USERS, DIM, BATCH, STEPS, ROUNDS = 20_000, 50_000, 64, 2_048, 12, 5
ONE_THREAD = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "TF_CPP_MIN_LOG_LEVEL": "2",
}


def tower(name: str, size: int) -> keras.Model:
    """Returns a tower over ids: a table and two dense layers."""
    ids = keras.Input((), dtype="int64", name=name)
    vector = keras.layers.Embedding(size, DIM)(ids)
    for units in (256, DIM):
        vector = keras.layers.Dense(units, "relu" if units != DIM else None)(vector)
    return keras.Model({name: ids}, vector)


def build() -> models.TwoTower:
    """Returns a compiled two-tower model whose negatives are those of all processes."""
    source = negatives.CrossReplica(negatives.InBatch())
    task = tasks.Retrieval(losses.SampledSoftmax(), negatives=source)
    query, candidate = tower("user_id", USERS), tower("item_id", ITEMS)
    model = models.TwoTower(query, candidate, task, item_id="item_id")
    model.compile(optimizers.LazyAdam(1e-3))
    return model


def rows_of(batch: int) -> Callable[[tf.distribute.InputContext], tf.data.Dataset]:
    """Returns what makes a worker's batches, of this many rows for all together."""

    def make(context: tf.distribute.InputContext) -> tf.data.Dataset:
        rng = np.random.default_rng(context.input_pipeline_id)
        rows = context.get_per_replica_batch_size(batch) * STEPS
        columns = {"user_id": rng.integers(0, USERS, rows), "item_id": rng.integers(0, ITEMS, rows)}
        return tf.data.Dataset.from_tensor_slices(columns).batch(rows // STEPS, True).repeat()

    return make


def seconds_of(call: Callable[[], Any]) -> float:
    """Returns the median time of a call, after one that warms up."""
    call()
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return float(np.median(times))


def work(batch: int) -> None:
    """Measures as one of several workers; the first prints the figures."""
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    with strategy.scope():
        model = build()
    replicas = strategy.num_replicas_in_sync
    rows = strategy.distribute_datasets_from_function(rows_of(batch))
    step = seconds_of(lambda: model.fit(rows, steps_per_epoch=STEPS, epochs=1, verbose=0)) / STEPS
    vectors = tf.random.normal([batch // replicas, DIM])
    dense = tf.random.normal([sum(int(np.prod(w.shape)) for w in model.weights if _is_dense(w))])

    @tf.function
    def gather() -> tf.Tensor:
        def one() -> tf.Tensor:
            return tf.distribute.get_replica_context().all_gather(vectors, axis=0)

        return strategy.reduce("SUM", tf.reduce_sum(strategy.run(one)), axis=None)

    @tf.function
    def add() -> tf.Tensor:
        def one() -> tf.Tensor:
            return tf.distribute.get_replica_context().all_reduce("SUM", dense)

        return strategy.reduce("SUM", tf.reduce_sum(strategy.run(one)), axis=None)

    found = {"step": step, "gather": seconds_of(gather), "sum": seconds_of(add)}
    if strategy.cluster_resolver is None or not strategy.cluster_resolver.task_id:
        print(json.dumps({**found, "dense_weights": int(dense.shape[0])}), flush=True)


def _is_dense(weight: tf.Variable) -> bool:
    return "embedding" not in weight.name


def measure(workers: int, batch: int) -> dict[str, Any]:
    """Returns the figures of so many workers with this global batch."""
    command = [sys.executable, "-m", "benchmarks.workers", "--worker", str(batch)]
    said = training.launch_workers(command, workers, env=ONE_THREAD, timeout_s=600)
    found = json.loads(said[0].strip().splitlines()[-1])
    row = {"workers": workers, "global_batch": batch, **found}
    print(row, flush=True)
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the figures and writes benchmarks/results/workers.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", type=int, help="The job of one process, with this batch.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    args = parser.parse_args(arguments)
    if args.worker:
        work(args.worker)
        return
    result: dict[str, Any] = {"version": tfrs_ext.__version__, "cores": os.cpu_count()}
    result["strong"] = [measure(count, BATCH) for count in args.workers]
    result["weak"] = [measure(count, BATCH * count) for count in args.workers]
    for rows in (result["strong"], result["weak"]):
        for row in rows:
            rate = row["global_batch"] / row["step"]
            row["rows_per_second"] = rate
            row["times_one_process"] = rate / (rows[0]["global_batch"] / rows[0]["step"])
    write("workers", result)


if __name__ == "__main__":
    main()
