"""One step on a large embedding table: LazyAdam beside Keras's Adam, Adagrad and SGD.

Run: python -m benchmarks.lazy_adam
"""

import argparse
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.timing import median_seconds, write
from tfrs_ext._keras import keras
from tfrs_ext.optimizers import LazyAdam


def make_step(
    optimizer: keras.optimizers.Optimizer, rows: int, width: int, batch: int
) -> Callable[[], None]:
    """Returns a compiled step that draws ids, and applies a sparse gradient to a table."""
    table = tf.Variable(tf.random.normal([rows, width]))
    values = tf.random.normal([batch, width])
    optimizer.build([table])
    # Ids as popular as a catalogue's: a Zipf law, so that some occur many times.
    popularity = 1 / np.arange(1, rows + 1) ** 0.8
    rng = np.random.default_rng(0)
    ids = tf.constant(rng.choice(rows, [64, batch], p=popularity / popularity.sum()))
    count = tf.Variable(0, dtype=tf.int64)

    @tf.function
    def step() -> None:
        gradient = tf.IndexedSlices(values, ids[count.assign_add(1) % 64], [rows, width])
        optimizer.apply_gradients([(gradient, table)])

    return step


def main() -> None:
    """Prints the table and writes benchmarks/results/lazy_adam.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=30)
    args = parser.parse_args()
    optimizers = {
        "LazyAdam": LazyAdam(),
        "Adagrad": keras.optimizers.Adagrad(),
        "SGD": keras.optimizers.SGD(),
        "Adam": keras.optimizers.Adam(),
    }
    steps = {
        name: make_step(optimizer, args.rows, args.width, args.batch)
        for name, optimizer in optimizers.items()
    }
    seconds = median_seconds(steps, repeats=args.repeats)
    lazy = seconds["LazyAdam"]
    write(
        "lazy_adam",
        {
            "settings": vars(args),
            "milliseconds_per_step": {name: 1e3 * value for name, value in seconds.items()},
            "times_faster_than_adam": seconds["Adam"] / lazy,
            "times_adagrad": lazy / seconds["Adagrad"],
        },
    )


if __name__ == "__main__":
    main()
