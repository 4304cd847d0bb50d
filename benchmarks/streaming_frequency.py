"""The streaming estimate of frequencies while popularity shifts, against the truth.

The simulation of Yi et al. (RecSys 2019): 1,000 items, batches of 128 without repeats, an item's
probability grows with the square of its number, and half-way of the opposite number. The error is
half the mean, over the rows of a batch, of the distance between estimated and true probabilities
of being in a batch. A second one draws rows with repeats by Zipf's law, as batches of a log are.

Run: python -m benchmarks.streaming_frequency
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.timing import write
from tfrs_ext.frequencies import StreamingFrequency
from tfrs_ext.ops.hashing import hash_buckets

ITEMS = 1000
START = 100.0  # Batches between two occurrences, before the first.


class Paper:
    """The paper's algorithms 2 and 3 to the letter, in NumPy: repeats in a batch count once."""

    def __init__(self, num_buckets: int, num_hashes: int, alpha: float) -> None:
        self.slots = hash_buckets(tf.range(ITEMS), num_buckets, num_hashes).numpy()
        self.slots += np.arange(num_hashes) * num_buckets
        self.last = np.zeros(num_buckets * num_hashes)
        self.gap = np.full(num_buckets * num_hashes, START)
        self.alpha, self.step = alpha, 0

    def update(self, batch: np.ndarray) -> None:
        """Counts one batch."""
        self.step += 1
        slots = np.unique(self.slots[batch])
        self.gap[slots] += self.alpha * (self.step - self.last[slots] - self.gap[slots])
        self.last[slots] = self.step

    def probability(self) -> np.ndarray:
        """Returns each item's probability of being in a batch."""
        return np.minimum(1 / self.gap[self.slots].max(axis=1), 1)


class Ours:
    """`StreamingFrequency`, with probabilities of being in a batch of rows without repeats."""

    def __init__(self, num_buckets: int, num_hashes: int, alpha: float, rows: int) -> None:
        self.layer = StreamingFrequency(num_buckets, num_hashes, alpha, 1 / (START * rows))
        self.update = tf.function(self.layer.update)
        self.rows = rows

    def probability(self) -> np.ndarray:
        """Returns each item's expected number of rows in a batch."""
        return self.rows * np.exp(self.layer(tf.range(ITEMS, dtype=tf.int64)).numpy())


def shifting(step: int, steps: int) -> np.ndarray:
    """Returns the items' probabilities at `step`."""
    squares = np.arange(ITEMS, dtype=np.float64) ** 2
    squares = squares if step < steps // 2 else squares[::-1]
    return squares / squares.sum()


def batches(steps: int, rows: int, seed: int) -> Iterator[np.ndarray]:
    """Yields batches without repeats: the rows with the largest of Gumbel's noisy logarithms."""
    rng = np.random.default_rng(seed)
    for step in range(steps):
        with np.errstate(divide="ignore"):
            keys = np.log(shifting(step, steps)) + rng.gumbel(size=ITEMS)
        yield np.argpartition(-keys, rows)[:rows]


def follow(estimators: dict[str, Any], steps: int, rows: int, every: int) -> dict[str, list[float]]:
    """Returns the error of each estimator after every `every` batches of the same stream."""
    errors: dict[str, list[float]] = {name: [] for name in estimators}
    for step, batch in enumerate(batches(steps, rows, seed=0), start=1):
        for estimator in estimators.values():
            estimator.update(batch)
        if step % every == 0:
            truth = np.minimum(rows * shifting(step - 1, steps), 1)
            for name, estimator in estimators.items():
                distance = np.abs(np.minimum(estimator.probability(), 1) - truth)
                errors[name].append(float(distance.sum() / (2 * rows)))
    return errors


def shift(steps: int, rows: int, every: int, totals: list[int]) -> dict[str, Any]:
    """The paper's simulation, over buckets, hashes and alpha."""
    estimators: dict[str, Any] = {}
    for total in totals:
        for hashes in (1, 2, 4):
            name = f"{total} buckets in all, {hashes} hashes"
            estimators[name] = Ours(total // hashes, hashes, 0.01, rows)
            estimators[f"{name}, the paper's"] = Paper(total // hashes, hashes, 0.01)
    for alpha in (0.1, 0.02, 0.005):
        estimators[f"{totals[-1]} buckets, alpha {alpha}"] = Ours(totals[-1], 1, alpha, rows)
    errors = follow(estimators, steps, rows, every)
    half = len(next(iter(errors.values()))) // 2
    return {
        name: {
            "before the shift": float(np.mean(error[half - half // 4 : half])),
            "worst after it": max(error[half:]),
            "at the end": float(np.mean(error[-(half // 4) :])),
            f"every {every} batches": [round(value, 4) for value in error],
        }
        for name, error in errors.items()
    }


def repeats(steps: int, rows: int) -> dict[str, Any]:
    """Rows with repeats by Zipf's law: by what factor log Q is off, of the head and of all."""
    q = 1 / np.arange(1, ITEMS + 1)
    q /= q.sum()
    rng = np.random.default_rng(0)
    estimators = {"ours": Ours(5000, 1, 0.01, rows), "the paper's": Paper(5000, 1, 0.01)}
    for _ in range(steps):
        batch = rng.choice(ITEMS, rows, p=q)
        for estimator in estimators.values():
            estimator.update(batch)
    result = {"head's share of rows": float(q[:10].sum())}
    for name, estimator in estimators.items():
        off = np.abs(np.log(estimator.probability() / rows / q))
        result[f"{name}: mean |log Q error|, 10 most popular"] = float(off[:10].mean())
        result[f"{name}: mean |log Q error|, weighted by rows"] = float((off * q).sum())
    return result


def main() -> None:
    """Prints the errors and writes benchmarks/results/streaming_frequency.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--totals", type=int, nargs="+", default=[1000, 2000, 5000])
    args = parser.parse_args()
    write(
        "streaming_frequency",
        {
            "settings": vars(args),
            "shifting popularity": shift(args.steps, args.rows, args.every, args.totals),
            "rows with repeats": repeats(args.steps // 10, 1024),
        },
    )


if __name__ == "__main__":
    main()
