"""A step of softmax retrieval, beside TFRS's task and the three matrix products that it needs.

All sides compute the summed loss with logQ and without accidental hits, and its gradients for
queries and candidates; the floor multiplies matrices of the same shapes and computes no loss.

Run: python -m benchmarks.softmax_kernel
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from benchmarks.timing import write
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses import CorrectedSampledSoftmax, SampledSoftmax

SIZES = ((1024, 40), (4096, 15), (8192, 9), (16384, 3), (32768, 1))  # Rows, and repetitions.
WIDTHS = (32, 64, 128)
_WARM_UP = 2
_LARGEST_FOR_TFRS = 8192  # It takes 4 GB there, and four times that for twice the rows.


def make_batch(rows: int, width: int) -> tuple[tf.Tensor, Candidates]:
    """Returns queries and an in-batch pool whose ids follow Zipf's law over 100,000 items."""
    rng = np.random.default_rng(0)
    probabilities = 1 / np.arange(1, 100_001)
    probabilities /= probabilities.sum()
    ids = rng.choice(100_000, size=rows, p=probabilities)
    queries, items = (tf.constant(rng.normal(size=(rows, width)), tf.float32) for _ in range(2))
    log_q = tf.constant(np.log(probabilities[ids]), tf.float32)
    return queries / width**0.5, Candidates(items, tf.constant(ids), log_q)


def _step(total_of: Callable[..., tf.Tensor]) -> Any:
    @tf.function
    def step(queries: tf.Tensor, pool: Candidates) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([queries, pool.embeddings])
            total = total_of(queries, pool)
        return total, tape.gradient(total, [queries, pool.embeddings])

    return step


def _floor() -> Any:
    @tf.function
    def step(queries: tf.Tensor, pool: Candidates) -> Any:
        scores = tf.matmul(queries, pool.embeddings, transpose_b=True)
        d_items = tf.matmul(scores, queries, transpose_a=True)
        return scores[0, 0], [tf.matmul(scores, pool.embeddings), d_items]

    return step


def _tfrs() -> Any:
    task = tfrs.tasks.Retrieval(remove_accidental_hits=True)

    def total_of(queries: tf.Tensor, pool: Candidates) -> tf.Tensor:
        return task(
            queries,
            pool.embeddings,
            candidate_sampling_probability=tf.exp(pool.log_q),
            candidate_ids=pool.ids,
            compute_metrics=False,
        )

    return _step(total_of)


def _ours(loss: Any) -> Any:
    return _step(lambda queries, pool: tf.reduce_sum(loss.per_query(queries, pool, pool)))


def _value_only(loss: Any) -> Any:
    step = tf.function(lambda queries, pool: tf.reduce_sum(loss.per_query(queries, pool, pool)))
    return lambda queries, pool: (step(queries, pool), [])


SIDES = {
    "floor": _floor,
    "tfrs": _tfrs,
    "logq": lambda: _ours(SampledSoftmax(correction="logq")),
    "corrected": lambda: _ours(CorrectedSampledSoftmax()),
    "corrected_value_only": lambda: _value_only(CorrectedSampledSoftmax()),
}


def compare(rows: int, width: int, repeats: int) -> dict[str, Any]:
    """Times all sides in turn; ratios are medians over the turns, as the machine's load varies."""
    batch = make_batch(rows, width)
    sides = {n: make() for n, make in SIDES.items() if n != "tfrs" or rows <= _LARGEST_FOR_TFRS}
    wall: dict[str, list[float]] = {name: [] for name in sides}
    processor: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + _WARM_UP):
        for name, step in sides.items():
            starts = time.perf_counter(), time.process_time()
            total, gradients = step(*batch)
            tf.nest.map_structure(lambda tensor: tensor.numpy(), (total, gradients))
            if turn >= _WARM_UP:
                wall[name].append(time.perf_counter() - starts[0])
                processor[name].append(time.process_time() - starts[1])

    def ratios(times: dict[str, list[float]], base: str) -> dict[str, float]:
        return {
            name: statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))
            for name in times
        }

    result = {
        "rows": rows,
        "width": width,
        "milliseconds": {name: 1e3 * statistics.median(values) for name, values in wall.items()},
        "times_floor": ratios(wall, "floor"),
        "processor_times_floor": ratios(processor, "floor"),
    }
    if "tfrs" in sides:
        result["faster_than_tfrs"] = {n: 1 / r for n, r in ratios(wall, "tfrs").items()}
    return result


def peak_megabytes(side: str, rows: int, width: int) -> float:
    """Returns how far a child process's peak memory rises in one step, above the inputs."""
    code = (
        "from benchmarks import softmax_kernel as b; import json, sys;"
        f"print(json.dumps(b.measure_peak({side!r}, {rows}, {width})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def measure_peak(side: str, rows: int, width: int) -> float:
    """Runs in the child: small steps first, so that libraries have what they keep."""
    step = SIDES[side]()
    step(*make_batch(64, width))
    batch = make_batch(rows, width)
    before = _peak_kilobytes()
    step(*batch)
    return (_peak_kilobytes() - before) / 1024


def _peak_kilobytes() -> int:
    # Not `ru_maxrss`: a child inherits its parent's, which hides whatever is smaller.
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def main() -> None:
    """Prints the results and writes them to `results/softmax_kernel.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="*", default=[rows for rows, _ in SIZES])
    parser.add_argument("--widths", type=int, nargs="*", default=list(WIDTHS))
    arguments = parser.parse_args()
    steps = []
    for rows, repeats in SIZES:
        for width in arguments.widths:
            if rows in arguments.rows:
                steps.append(compare(rows, width, repeats))
                print(json.dumps(steps[-1]), flush=True)
    memory = {
        f"{side}_{rows}": peak_megabytes(side, rows, 64)
        for side, rows in (
            ("floor", 8192),
            ("tfrs", 8192),
            ("corrected", 8192),
            ("floor", 32768),
            ("corrected", 32768),
        )
    }
    write("softmax_kernel", {"steps": steps, "peak_megabytes_above_inputs": memory})


if __name__ == "__main__":
    main()
