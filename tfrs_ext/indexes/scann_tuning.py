"""The search for the settings of a ScaNN index that reach a recall soonest."""

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Setting:
    """One setting of a ScaNN index and what it measured.

    Attributes:
        num_leaves_to_search: Leaves that a query searches.
        num_reordering_candidates: Candidates scored exactly in the end.
        recall: Share of the true best candidates that it found.
        milliseconds: Time for a query, in batches, the median of the repeats.
        num_leaves: Number of leaves of the index that was searched.
        anisotropic_quantization_threshold: The threshold with which that index was built.
    """

    num_leaves_to_search: int
    num_reordering_candidates: int
    recall: float
    milliseconds: float
    num_leaves: int = 1
    anisotropic_quantization_threshold: float | None = None


Search = Callable[[int, int], tuple[npt.NDArray[np.int32], float]]


def true_positions(
    vectors: tf.Tensor, queries: tf.Tensor, at: int, block: int = 64
) -> npt.NDArray[np.int32]:
    """Returns the positions of the `at` best candidates of each query `[Q, at]`, by scoring all."""
    best = [
        tf.math.top_k(tf.matmul(queries[i : i + block], vectors, transpose_b=True), at).indices
        for i in range(0, len(queries), block)
    ]
    return np.asarray(tf.concat(best, axis=0).numpy(), np.int32)


def recall_of(found: npt.NDArray[Any], true: npt.NDArray[Any]) -> float:
    """Returns the mean share of `true[q]` that `found[q]` holds."""
    pairs = zip(found.tolist(), true.tolist(), strict=True)
    return float(np.mean([len(set(f) & set(t)) / len(t) for f, t in pairs]))


def explore(
    search: Search,
    true: npt.NDArray[np.int32],
    num_leaves: int,
    most_reordered: int,
    recall: float,
    on_setting: Callable[[Setting], object],
) -> list[Setting]:
    """Measures settings, bisecting for the fewest leaves that reach the recall.

    Recall grows with the leaves searched and with the candidates reordered, so each number of
    reordered candidates has one boundary.

    Args:
        search: From leaves and reordered candidates to the positions found, and the milliseconds
            that a query took.
        true: `[Q, at]` positions.
        num_leaves: Number of leaves of the partition.
        most_reordered: C, the size of the corpus.
        recall: The recall to be reached.
        on_setting: Called with every setting measured.

    Returns:
        All settings measured.
    """
    measured: dict[tuple[int, int], Setting] = {}

    def measure(leaves: int, reordered: int) -> Setting:
        if (leaves, reordered) not in measured:
            found, milliseconds = search(leaves, reordered)
            setting = Setting(leaves, reordered, recall_of(found, true), milliseconds)
            measured[leaves, reordered] = setting
            on_setting(setting)
        return measured[leaves, reordered]

    at, fewest = true.shape[1], num_leaves + 1
    for factor in (1.0, 1.5, 2.0, 3.0, 5.0, 10.0):
        reordered = min(math.ceil(factor * at), most_reordered)
        low, high = 1, num_leaves
        if measure(high, reordered).recall < recall:
            continue
        while high > low * 1.1 and high > low:
            middle = max(low, min(high - 1, round(math.sqrt(low * high))))
            if measure(middle, reordered).recall >= recall:
                high = middle
            else:
                low = middle + 1
        measure(high, reordered)
        if high >= fewest:
            break  # The leaves, not the quantisation, limit the recall now.
        fewest = high
    return list(measured.values())


def find_best(settings: list[Setting], recall: float) -> Setting:
    """Returns the fastest setting that reaches the recall; where none does, the best recall."""
    good = [setting for setting in settings if setting.recall >= recall]
    if good:
        return min(good, key=lambda setting: setting.milliseconds)
    return max(settings, key=lambda setting: setting.recall)


def find_frontier(settings: list[Setting]) -> list[Setting]:
    """Returns the settings that no other beats in both recall and time, by rising recall."""
    kept: list[Setting] = []
    for setting in sorted(settings, key=lambda s: (-s.recall, s.milliseconds)):
        if not kept or setting.milliseconds < kept[-1].milliseconds:
            kept.append(setting)
    return kept[::-1]


def time_search(
    search: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    queries: tf.Tensor,
    batch: int,
    repeats: int,
) -> tuple[npt.NDArray[np.int32], float]:
    """Returns the positions found and the median milliseconds a query, after a warm-up."""
    batches = [queries[i : i + batch] for i in range(0, len(queries), batch)]
    positions = np.concatenate([search(part)[1].numpy() for part in batches])
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        for part in batches:
            search(part)
        times.append(time.perf_counter() - start)
    return positions, float(np.median(times)) / len(queries) * 1e3
