"""One query, asked eagerly as in TFRS's tutorials: our indexes against TFRS's layers.

All sides hold the same corpus in one process and are asked in turns, each by a plain call of the
layer and without a graph; a turn is `CALLS` calls in a row. Times are the processor's, which other
work on the machine changes least: a call of one query is work of one thread.

Run: python -m benchmarks.eager_index
"""

import argparse
import statistics
import time

import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.timing import write
from tfrs_ext import indexes

K, CALLS = 10, 25
SIZES = ((1682, 32), (20_000, 64))
PAIRS = {"exact": "brute_force", "scann": "tfrs_scann"}


def build_sides(count: int, width: int) -> dict[str, tf.keras.layers.Layer]:
    """Returns the four layers over one corpus `[count, width]`, by name."""
    vectors = tf.random.stateless_normal([count, width], seed=[0, count])
    layers = tfrs.layers.factorized_top_k
    return {
        "exact": indexes.Exact(k=K).index(vectors),
        "brute_force": layers.BruteForce(k=K).index(vectors),
        "scann": indexes.ScaNN(k=K).index(vectors),
        "tfrs_scann": layers.ScaNN(k=K, num_reordering_candidates=100).index(vectors),
    }


def ask(layer: tf.keras.layers.Layer, query: tf.Tensor) -> float:
    """Returns the milliseconds of processor time that a call of a layer takes."""
    start = time.process_time()
    for _ in range(CALLS):
        layer(query)[1].numpy()
    return (time.process_time() - start) / CALLS * 1e3


def main() -> None:
    """Prints milliseconds a call and their ratios, and writes benchmarks/results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    result = {}
    for count, width in SIZES:
        query = tf.random.stateless_normal([1, width], seed=[1, count])
        sides = build_sides(count, width)
        turns = [
            {name: ask(layer, query) for name, layer in sides.items()}
            for _ in range(args.repeats + 2)
        ]
        times = {name: statistics.median(turn[name] for turn in turns[2:]) for name in sides}
        ratios = {f"{ours}/{theirs}": times[ours] / times[theirs] for ours, theirs in PAIRS.items()}
        result[f"{count} x {width}"] = {"milliseconds": times, "ratios": ratios}
    write("eager_index", {"k": K, **result})


if __name__ == "__main__":
    main()
