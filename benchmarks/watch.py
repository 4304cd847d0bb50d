"""The regression watch: what has become slower or faster than the kept results say.

Each check times one of our parts beside what it is measured by, in turns within one process, so
that the machine's load and speed cancel out of their ratio. A ratio has moved where it differs from
the kept one by more than both noises together.

Run: python -m benchmarks.watch            (or: make bench)
     python -m benchmarks.watch --keep     to keep the new ratios
"""

import argparse
import dataclasses
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

import tfrs_ext  # First of ours: it chooses Keras 2.
from benchmarks import evaluation, lazy_adam, retrieval_stages, softmax_kernel
from benchmarks.timing import RESULTS, machine
from recipes.shared import DataSource
from tfrs_ext import data, frequencies, indexes, metrics, optimizers
from tfrs_ext._keras import keras
from tfrs_ext.files import write_json

Call = Callable[[], Any]
KEPT = RESULTS / "watch.json"
LEAST = 0.03  # Smaller moves are nobody's concern.


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Our time in units of the other side's, and how far a repetition may be off."""

    value: float
    noise: float

    @classmethod
    def of(cls, ours: Call, other: Call, rounds: int = 15) -> "Ratio":
        """Times both sides in turns; the noise is the standard error of the median."""
        for call in (ours, other, ours, other):
            _seconds(call)
        gc.collect()
        found = [_seconds(ours) / _seconds(other) for _ in range(rounds)]
        middle = statistics.median(found)
        spread = statistics.median(abs(value - middle) for value in found)
        return cls(middle, 1.253 * 1.4826 * spread / rounds**0.5)

    def has_moved(self, kept: "Ratio") -> bool:
        """Whether the difference is more than three times both noises, and worth a word."""
        least = max(3 * (self.noise**2 + kept.noise**2) ** 0.5, LEAST * kept.value)
        return abs(self.value - kept.value) > least


def _seconds(call: Call) -> float:
    start = time.perf_counter()
    tf.nest.map_structure(lambda part: part.numpy() if tf.is_tensor(part) else part, call())
    return time.perf_counter() - start


def kernel() -> tuple[Call, Call]:
    """The softmax over 4,096 rows, beside its three matrix products."""
    batch = softmax_kernel.make_batch(4096, 64)
    ours, floor = (softmax_kernel.SIDES[name]() for name in ("logq", "floor"))
    return lambda: ours(*batch), lambda: floor(*batch)


def full_evaluation() -> tuple[Call, Call]:
    """FactorizedTopK over 20,000 queries and 3,700 items, beside the bare product."""
    left, items, rows = evaluation.problem(20_000, 3_700)
    ids = tf.data.Dataset.range(len(items)).batch(1024).map(lambda row: tf.gather(items, row))
    metric = metrics.FactorizedTopK(ids)

    @tf.function
    def product() -> tf.Tensor:
        best = tf.zeros([0])
        for begin in range(0, 20_000, evaluation.BATCH):
            scores = tf.matmul(left[begin : begin + evaluation.BATCH], items, transpose_b=True)
            best = tf.concat([best, scores[:, 0]], axis=0)
        return best

    return evaluation.compiled(metric, (left, tf.gather(items, rows))), product


def optimizer() -> tuple[Call, Call]:
    """A step of LazyAdam on 200,000 rows, beside Keras's Adagrad."""
    sides = (optimizers.LazyAdam(), keras.optimizers.Adagrad())
    ours, other = (lazy_adam.make_step(side, 200_000, 64, 4096) for side in sides)
    return ours, other


def training_step() -> tuple[Call, Call]:
    """Twenty steps of the recipe's two towers with their data, beside plain TFRS's."""
    problem = retrieval_stages.Problem.of(DataSource(smoke=True))
    frequency = frequencies.CountedFrequency(*data.item_counts(problem.split.train))
    batches = data.training_dataset(
        problem.split.train, problem.features, retrieval_stages.BATCH, seed=1
    )
    slow = retrieval_stages.row_by_row(batches)
    ours = retrieval_stages.ours(problem, frequency)
    ours.compile(optimizers.LazyAdam(1e-3))
    plain = retrieval_stages.Tutorial(problem, frequency)
    plain.compile(keras.optimizers.Adagrad(0.1))
    return (
        lambda: ours.fit(batches.repeat().take(20), verbose=0).history["loss"],
        lambda: plain.fit(slow.repeat().take(20), verbose=0).history["loss"],
    )


def index() -> tuple[Call, Call]:
    """The best 100 of 50,000 vectors for 256 queries, beside TFRS's BruteForce."""
    items, queries = tf.random.normal([50_000, 32]), tf.random.normal([256, 32])
    ours = indexes.Exact(k=100)
    ours.index(items)
    theirs = tfrs.layers.factorized_top_k.BruteForce(k=100).index(items)
    return lambda: ours(queries)[0], lambda: theirs(queries)[0]


CHECKS: dict[str, Callable[[], tuple[Call, Call]]] = {
    "kernel over its products": kernel,
    "evaluation over its product": full_evaluation,
    "LazyAdam over Adagrad": optimizer,
    "training step over TFRS": training_step,
    "exact index over BruteForce": index,
}


def read_kept() -> dict[str, Ratio]:
    """Returns the ratios that were kept, none where there is no file; says where they're from."""
    if not KEPT.exists():
        return {}
    kept = json.loads(KEPT.read_text())
    if kept.get("machine") != _machine():
        print(
            f"The kept ratios are of another machine, {kept.get('machine')}: what has moved may be "
            "its doing. Keep those of an earlier commit here, and compare with them."
        )
    return {name: Ratio(**row) for name, row in kept["ratios"].items()}


def _machine() -> dict[str, Any]:
    """Returns what of the machine changes a ratio: wide vectors speed products up, not the rest."""
    return {name: machine()[name] for name in ("processor", "avx512", "cores")}


def main() -> None:
    """Prints a line for each check; the exit code is 1 where something has become slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="Write the ratios for later runs.")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS))
    options = parser.parse_args()
    kept, found, slower = read_kept(), {}, []
    for name in options.only:
        found[name] = ratio = Ratio.of(*CHECKS[name]())
        line = f"{name:<30}{ratio.value:7.3f} ± {ratio.noise:.3f}"
        if name in kept:
            moved = ratio.has_moved(kept[name])
            word = "slower" if ratio.value > kept[name].value else "faster"
            slower += [name] * (moved and word == "slower")
            line += f"   was {kept[name].value:.3f}{f', {word}' if moved else ''}"
        print(line, flush=True)
    if options.keep:
        rows = {name: dataclasses.asdict(ratio) for name, ratio in {**kept, **found}.items()}
        facts = {"tensorflow": tf.__version__, "tfrs_ext": tfrs_ext.__version__}
        write_json(KEPT, {"ratios": rows, "machine": _machine(), **facts})
    sys.exit(1 if slower else 0)


if __name__ == "__main__":
    main()
