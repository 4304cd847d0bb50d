"""What each stage finds, and what it adds."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.evaluation import RetrievalResult, evaluate_rankings
from tfrs_ext.stages.in_batches import call_in_batches
from tfrs_ext.stages.merging import merge_found
from tfrs_ext.stages.two_stage import TwoStage


@dataclasses.dataclass(frozen=True, eq=False)
class StageEvaluation:
    """How good each stage is on the same queries.

    Args:
        results: `"model"`, which is all stages; `"without rules"`, the ranker's order; and each
            generator's own order, by its source.
        recalls: The share of the positives that each generator brings at its cut, and that all of
            them bring together, which bounds what the ranker can do.
        lists: `[Q, max(ks)]` positions under the names of `results`, -1 where there is none.
    """

    results: Mapping[str, RetrievalResult]
    recalls: Mapping[str, float]
    lists: Mapping[str, npt.NDArray[np.int64]]


def evaluate_stages(
    system: TwoStage,
    queries: Mapping[str, npt.NDArray[Any]],
    positives: tf.RaggedTensor,
    seen: tf.RaggedTensor,
    ks: Sequence[int] = (10, 20),
) -> StageEvaluation:
    """Asks every stage the same queries.

    Args:
        system: The stages; its rules read no request here.
        queries: `{column: [Q, ...]}`.
        positives: `[Q, (P)]` positions of the items that each query should find.
        seen: `[Q, (S)]` positions of the items that each query leaves out.
        ks: The cut-offs, the lengths of list at which metrics are computed.

    Returns:
        The stages' results. An item that no generator brings is missed.

    Relations:
        `time_stages` says how long each of them takes.
    """
    longest = max(ks)

    def ask(some: Mapping[str, tf.Tensor], excluded: tf.Tensor) -> tuple[tf.Tensor, ...]:
        found = [generator(some, excluded) for generator in system.generators]
        ranked = system.rank(some, *merge_found(found))
        return (system.rerank(ranked, {}, longest).positions, ranked.positions, *found)

    shown, ranked, *found = call_in_batches(ask, queries, seen)
    by_source = dict(zip(system.sources, found, strict=True))
    lists = {"model": shown, "without rules": ranked, **by_source}
    lists = {name: _cut(positions, longest) for name, positions in lists.items()}
    results = {name: evaluate_rankings(rows, positives, ks) for name, rows in lists.items()}
    recalls = {f"{name}, {p.shape[1]}": _recall(p, positives) for name, p in by_source.items()}
    recalls[f"all, at most {system.num_ranked}"] = _recall(ranked, positives)
    return StageEvaluation(results, recalls, lists)


def _cut(positions: npt.NDArray[np.int32], width: int) -> npt.NDArray[np.int64]:
    lacking = max(0, width - positions.shape[1])
    padded = np.pad(positions[:, :width], [(0, 0), (0, lacking)], constant_values=-1)
    return padded.astype(np.int64)


def _recall(positions: npt.NDArray[np.int32], positives: tf.RaggedTensor) -> float:
    width = positions.shape[1]
    result = evaluate_rankings(positions.astype(np.int64), positives, [width])
    return result[f"recall_at_{width}"]
