"""The cost of exact, quantized and sharded searches by the size of the corpus, in processor time.

Run: python -m benchmarks.scale_index
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.timing import write
from tfrs_ext import indexes

WIDTH, BATCH, K = 64, 64, 100


def milliseconds(search: Callable[[tf.Tensor], Any], queries: tf.Tensor, repeats: int) -> float:
    """Returns the processor time of one query, the least of some batches.

    Args:
        search: The index.
        queries: `[B, D]`.
        repeats: How many batches.
    """
    search(queries)
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        search(queries)[0].numpy()
        times.append(time.process_time() - begin)
    return 1000 * min(times) / len(queries)


def main() -> None:
    """Prints the table and writes benchmarks/results/scale_index.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[250_000, 1_000_000, 4_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    queries = tf.constant(rng.normal(size=(BATCH, WIDTH)), tf.float32)
    points = []
    for size in args.sizes:
        candidates = rng.normal(size=(size, WIDTH)).astype(np.float32)
        for name, index in (
            ("exact", indexes.Exact(k=K)),
            ("sharded, 4 exact parts", indexes.Sharded(k=K, num_shards=4)),
            ("quantized", indexes.Quantized(k=K)),
        ):
            search = tf.function(index.index(candidates).call)
            points.append(
                {
                    "items": size,
                    "index": name,
                    "cpu_milliseconds_per_query": milliseconds(search, queries, args.repeats),
                }
            )
            print(points[-1], flush=True)
            del search, index
    write("scale_index", {"width": WIDTH, "batch": BATCH, "k": K, "points": points})


if __name__ == "__main__":
    main()
