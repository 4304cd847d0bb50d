"""How far contestants are from our best model, with intervals over users and seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.ledger import Row
from benchmarks.peers.contest import result_path
from tfrs_ext import evaluation

METRIC = "ndcg_at_10"
Results = Sequence[evaluation.RetrievalResult]


def our_best(rows: Sequence[Row]) -> str:
    """Returns the model of ours with the best mean on the validation part."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if ":" not in row["contestant"]:
            values.setdefault(row["contestant"], []).append(row[f"validation_{METRIC}"])
    return max(values, key=lambda name: sum(values[name]) / len(values[name]))


def differences(problem: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Returns NDCG@10 of our best model less that of each other contestant, on the same users.

    The bootstrap draws users for all trainings together, and seeds, where each side has several.
    Contestants whose results by query are not kept here are left out.
    """
    best = our_best(rows)
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
            name: _compare(results[best], found)._asdict() for name, found in others.items()
        },
    }


def _compare(ours: Results, theirs: Results) -> evaluation.Interval:
    """Returns the difference of the means; one training tells nothing of the luck of seeds."""
    if min(len(ours), len(theirs)) > 1:
        return evaluation.compare_seeds(ours, theirs, METRIC)
    return _mean(ours).paired_difference(_mean(theirs), METRIC)


def _mean(results: Results) -> evaluation.RetrievalResult:
    """Returns each query's mean over trainings."""
    columns = [result.per_query[METRIC] for result in results]
    return evaluation.RetrievalResult({METRIC: np.mean(columns, axis=0)})
