"""FactorizedTopK beside TFRS's, on a dataset of candidates and on BruteForce, and its memory.

Counting the candidates above a positive, which ranks are made of, stands beside the bare product.

Run: python -m benchmarks.evaluation
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.timing import median_seconds, write
from tfrs_ext import evaluation, metrics
from tfrs_ext.ops.rank_counts import count_at_least

SIZES = ((20_000, 3_700), (4_000, 50_000))
WIDTH, BATCH = 32, 4096
COUNTED = ((20_000, 3_700, WIDTH), (4_000, 50_000, WIDTH), (4_000, 50_000, 4 * WIDTH))
GOALS = {"dataset": 30, "brute_force": 4, "peak_gb": 2, "counting_over_product": 1.25}


def problem(
    queries: int, candidates: int, width: int = WIDTH
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns queries that lean towards their positives, candidates, and the positives' rows."""
    rng = np.random.default_rng(0)
    items = rng.normal(size=(candidates, width)).astype(np.float32)
    rows = rng.integers(0, candidates, queries)
    noise = rng.normal(size=(queries, width)).astype(np.float32)
    return tf.constant(0.4 * items[rows] + noise), tf.constant(items), tf.constant(rows, tf.int32)


def compiled(metric: Any, columns: tuple[tf.Tensor, ...]) -> Callable[[], Any]:
    """Returns an evaluation in batches, compiled as `model.evaluate` compiles it."""

    @tf.function(reduce_retracing=True)
    def update(*batch: tf.Tensor) -> None:
        metric.update_state(*batch)

    def evaluate() -> Any:
        metric.reset_states()
        for begin in range(0, len(columns[0]), BATCH):
            update(*(column[begin : begin + BATCH] for column in columns))
        return metric.result()

    return evaluate


def truth(queries: tf.Tensor, candidates: tf.Tensor, positives: tf.Tensor) -> list[float]:
    """Returns the accuracies of float64 scores, all of them compared."""
    left, right = queries.numpy().astype(np.float64), candidates.numpy().astype(np.float64)
    rows, ranks = positives.numpy(), []
    for begin in range(0, len(rows), 500):
        scores, own = left[begin : begin + 500] @ right.T, rows[begin : begin + 500]
        ranks.append(np.sum(scores > scores[np.arange(len(own)), own][:, None], axis=1))
    return [float(np.mean(np.concatenate(ranks) < k)) for k in (1, 5, 10, 50, 100)]


def processor_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Returns the least processor time of a call, on which other processes weigh less."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        tf.nest.map_structure(np.asarray, call())
        times.append(time.process_time() - start)
    return min(times)


def compare(queries: int, candidates: int, repeats: int) -> dict[str, Any]:
    """Times both metrics on the same data, with and without ids."""
    left, items, rows = problem(queries, candidates)
    scored = (left, tf.gather(items, rows))
    by_id = (*scored, rows)
    dataset = tf.data.Dataset.range(candidates).batch(128).map(lambda row: tf.gather(items, row))
    index = tfrs.layers.factorized_top_k.BruteForce(k=100).index(items)
    ours, theirs = metrics.FactorizedTopK, tfrs.metrics.FactorizedTopK
    calls = {
        "ours_dataset": compiled(ours(dataset), scored),
        "tfrs_dataset": compiled(theirs(dataset), scored),
        "ours_brute_force": compiled(ours(index), scored),
        "tfrs_brute_force": compiled(theirs(index), scored),
        "ours_brute_force_by_id": compiled(ours(index), by_id),
        "tfrs_brute_force_by_id": compiled(theirs(index), by_id),
    }
    expected = truth(left, items, rows)
    values = {name: [float(value) for value in call()] for name, call in calls.items()}
    processor = {name: processor_seconds(call, repeats) for name, call in calls.items()}
    seconds = median_seconds(calls, repeats=repeats, warm_up=1)
    names = ("dataset", "brute_force", "brute_force_by_id")
    return {
        "queries": queries,
        "candidates": candidates,
        "seconds": seconds,
        "speedup": {name: seconds[f"tfrs_{name}"] / seconds[f"ours_{name}"] for name in names},
        "processor_seconds": processor,
        "speedup_in_processor_seconds": {
            name: processor[f"tfrs_{name}"] / processor[f"ours_{name}"] for name in names
        },
        "largest_error_against_float64": {
            name: float(np.abs(np.subtract(found, expected)).max())
            for name, found in values.items()
        },
    }


def count(queries: int, candidates: int, width: int, repeats: int) -> dict[str, Any]:
    """Times the count of candidates above each positive beside the bare product of the scores."""
    left, items, rows = problem(queries, candidates, width)
    own = tf.reduce_sum(left * tf.gather(items, rows), axis=1)
    # All scores are computed; a corner alone is handed out.
    product = tf.function(lambda a, b: tf.matmul(a, b, transpose_b=True)[:1, :1])
    calls = {
        "counting": lambda: count_at_least(left, items, own),
        "product": lambda: product(left, items),
    }
    seconds = median_seconds(calls, repeats=repeats)
    processor = {name: processor_seconds(call, repeats) for name, call in calls.items()}
    return {
        "size": [queries, candidates, width],
        "seconds": seconds,
        "counting_over_product": seconds["counting"] / seconds["product"],
        "counting_over_product_in_processor_seconds": processor["counting"] / processor["product"],
    }


def large() -> None:
    """Evaluates 1,000 queries over 1,000,000 candidates; prints the peak memory in GB."""
    queries, items, rows = problem(1_000, 1_000_000)
    evaluation.evaluate_retrieval(queries, items, rows.numpy())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9)


def main() -> None:
    """Measures, compares with the goals, and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="Only the memory of the large case.")
    options = parser.parse_args()
    if options.large:
        return large()
    counted = [count(*size, 5 * options.repeats) for size in COUNTED]
    # In a process of its own, as the peak includes whatever was measured before.
    command = [sys.executable, "-m", "benchmarks.evaluation", "--large"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    compared = [compare(*size, options.repeats) for size in SIZES]
    return write(
        "evaluation",
        {
            "goals": GOALS,
            "compared": compared,
            "counted": counted,
            "peak_gb_of_1000_queries_by_1000000_candidates": float(answer.split()[-1]),
        },
    )


if __name__ == "__main__":
    main()
