"""Tokens per second of a training step of the sequence tower, beside RecTools' SASRec.

Both sides train two blocks on the latest 200 films of the same users, with the same threads, in
turns; the median epoch after the first counts, data pipeline included. The floor is the time of the
matrix products alone that such a step can't do without, for the real tokens, in TensorFlow.

Run: python -m benchmarks.sequence_speed --path ML-1M
"""

import argparse
import json
import os
import pathlib
import statistics
import time
from typing import Any

import numpy as np
import tensorflow as tf

import tfrs_ext  # noqa: F401  # First of ours: it chooses Keras 2.
from benchmarks.peers.contest import ADAPTERS
from benchmarks.peers.environments import HOME, call, make_environment
from benchmarks.peers.problem import Problem
from benchmarks.sequence_quality import make_task
from benchmarks.splits import load
from benchmarks.timing import median_seconds, write
from tfrs_ext import data, models
from tfrs_ext._keras import keras

LENGTH = 200


def take_users(split: data.Split, count: int) -> data.Split:
    """Returns the split with the events of some users, drawn evenly over the table."""
    users = np.unique(split.train.user_rows())
    kept = users[np.linspace(0, len(users) - 1, count).astype(int)]
    parts = (split.train, split.validation, split.test)
    return data.Split(*(p.select(np.flatnonzero(np.isin(p.user_rows(), kept))) for p in parts))


def our_epochs(split: data.Split, options: argparse.Namespace, loss: str) -> list[float]:
    """Returns the seconds of each epoch."""
    keras.mixed_precision.set_global_policy(options.policy)
    features = data.fit_features(split.train, history_length=LENGTH)
    model = models.SequenceModel.from_features(
        [features.history], features.candidate[:1], embedding_dim=options.dim, dropout=0.2
    )
    ids = features.candidate[0].vocabulary
    model.task = make_task(loss, split, ids, options, seed=0)
    model.compile(keras.optimizers.Adam(1e-3))
    batches = data.sequence_dataset(
        split.train, features, options.batch_size, parts="latest", seed=0
    )
    seconds = []
    for _ in range(options.epochs):
        start = time.perf_counter()
        model.fit(batches, verbose=0)
        seconds.append(time.perf_counter() - start)
    keras.mixed_precision.set_global_policy("float32")
    return seconds


def their_epochs(problem: Problem, options: argparse.Namespace, loss: str) -> list[float]:
    """Returns the seconds of each epoch of RecTools."""
    folder = HOME / "exchange" / "sequence_speed"
    spec = {
        "dim": options.dim,
        "length": LENGTH,
        "batch_size": options.batch_size,
        "max_epochs": options.epochs,
        "negatives": options.negatives if loss == "uniform" else 0,
        "threads": options.threads,
        "seed": 0,
    }
    problem.write(folder, spec)
    python, script = make_environment("rectools"), ADAPTERS / "rectools_sasrec.py"
    call(python, script, [str(folder), str(folder / "out")], options.threads)
    cost = json.loads((folder / "out" / "cost.json").read_text())
    return [row["seconds"] for row in cost["rows"]]


def floor_seconds(lengths: list[int], dim: int, columns: int) -> float:
    """Returns the seconds of the bare products of one step: forward, and both gradients of each."""
    tokens, blocks = sum(lengths), 2
    shapes = [(tokens, dim, 3 * dim), *[(tokens, dim, dim)] * 3] * blocks
    shapes.append((tokens, dim, columns))
    pairs = [(tf.random.normal([n, k]), tf.random.normal([k, m])) for n, k, m in shapes]
    # Attention: each sequence's scores and its sums of values, at its own length, and two gradients
    # of each: six products, each of tensors of its own, as TensorFlow computes equal ones once.
    widths = np.unique(-(-np.array(lengths) // 10) * 10, return_counts=True)
    groups = [
        [tf.random.normal([count, width, dim]) for _ in range(7)]
        for width, count in zip(*widths, strict=True)
        for _ in range(blocks)
    ]

    @tf.function
    def products() -> list[tf.Tensor]:
        found = []
        for left, right in pairs:
            out = left @ right
            found += [out, tf.matmul(out, right, transpose_b=True)]
            found.append(tf.matmul(left, out, transpose_a=True))
        for queries, keys, *values in groups:
            scores = tf.matmul(queries, keys, transpose_b=True)
            found += [scores @ part for part in values]
        return [tf.reduce_sum(part[..., :1, :1]) for part in found]

    return median_seconds({"floor": products}, repeats=10)["floor"]


def measure(problem: Problem, options: argparse.Namespace, loss: str) -> dict[str, Any]:
    """Returns one row: both sides, and the floor."""
    counts = np.bincount(problem.split.train.user_rows())
    lengths = np.minimum(counts[counts > 1] - 1, LENGTH)
    tokens = int(lengths.sum())
    epochs = {"ours": our_epochs(problem.split, options, loss)}
    if not options.skip_peer:
        epochs["rectools"] = their_epochs(problem, options, loss)
    seconds = {name: statistics.median(values[1:]) for name, values in epochs.items()}
    columns = len(np.unique(problem.split.train.item_rows()))
    columns = options.negatives if loss == "uniform" else columns
    steps = np.array_split(lengths, -(-len(lengths) // options.batch_size))
    floor = len(steps) * floor_seconds(steps[0].tolist(), options.dim, columns)
    row = {
        "dim": options.dim,
        "loss": loss,
        "policy": options.policy,
        "tokens": tokens,
        "floor_seconds": floor,
        **{f"{name}_tokens_per_second": tokens / value for name, value in seconds.items()},
        "ours_over_floor": seconds["ours"] / floor,
    }
    if "rectools" in seconds:
        row["times_as_fast"] = seconds["rectools"] / seconds["ours"]
    print(row, flush=True)
    return row


def main() -> None:
    """Measures both widths and both losses; writes benchmarks/results/sequence_speed.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True)
    parser.add_argument("--dims", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--users", type=int, default=1280)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--negatives", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--policy", default="float32", help="or mixed_bfloat16, of our side.")
    parser.add_argument("--skip-peer", action="store_true")
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    split = take_users(load(options.path), options.users)
    problem = Problem(pathlib.Path(options.path).name, split)
    rows = []
    for dim in options.dims:
        options.dim = dim
        rows += [measure(problem, options, loss) for loss in ("full", "uniform")]
    write("sequence_speed", {"rows": rows, "threads": options.threads})


if __name__ == "__main__":
    main()
