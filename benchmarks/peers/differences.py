"""How far contestants are from our best model, with intervals over users and seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.ledger import Row
from benchmarks.peers.contest import result_path
from tfrs_ext import evaluation
from tfrs_ext.typing import TensorLike

METRIC = "ndcg_at_10"
Results = Sequence[evaluation.RetrievalResult]


def our_best(rows: Sequence[Row], metric: str = METRIC) -> str:
    """Returns the model of ours with the best mean on the validation part."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if ":" not in row["contestant"]:
            values.setdefault(row["contestant"], []).append(row[f"validation_{metric}"])
    return max(values, key=lambda name: sum(values[name]) / len(values[name]))


def differences(
    problem: str, rows: Sequence[Row], metric: str = METRIC, clusters: TensorLike | None = None
) -> dict[str, Any]:
    """Returns a metric of our best model less that of each other contestant, on the same queries.

    The bootstrap draws queries for all trainings together, and seeds, where each side has several.
    Contestants whose results by query are not kept here are left out.

    Args:
        problem: The name of the problem.
        rows: What was measured.
        metric: What is compared.
        clusters: Which queries are drawn together, such as the users who asked them.
    """
    best = our_best(rows, metric)
    results: dict[str, Any] = {}
    for row in rows:
        path = result_path(problem, row["contestant"], row["seed"])
        if path.exists():
            found = evaluation.RetrievalResult.load(path)
            results.setdefault(row["contestant"], []).append(found)
    if best not in results:
        return {}
    others = {name: found for name, found in results.items() if name != best}
    return {
        "our_best": best,
        "our_best_less": {
            name: _compare(results[best], found, metric, clusters)._asdict()
            for name, found in others.items()
        },
    }


def _compare(
    ours: Results, theirs: Results, metric: str, clusters: TensorLike | None
) -> evaluation.Interval:
    """Returns the difference of the means; one training tells nothing of the luck of seeds."""
    if min(len(ours), len(theirs)) > 1:
        return evaluation.compare_seeds(ours, theirs, metric, clusters=clusters)
    means = (_mean(side, metric) for side in (ours, theirs))
    return next(means).paired_difference(next(means), metric, clusters=clusters)


def _mean(results: Results, metric: str) -> evaluation.RetrievalResult:
    """Returns each query's mean over trainings."""
    columns = [result.per_query[metric] for result in results]
    return evaluation.RetrievalResult({metric: np.mean(columns, axis=0)})
