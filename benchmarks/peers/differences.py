"""How far contestants are from our best model, with intervals over users and seeds."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.ledger import Row
from benchmarks.peers.contest import result_path
from benchmarks.peers.tables import by_contestant
from tfrs_ext import evaluation
from tfrs_ext.typing import TensorLike

METRIC = "ndcg_at_10"
Results = Sequence[evaluation.RetrievalResult]
Groups = Mapping[str, Sequence[Row]]
_ROUNDED = 2e-6  # Rows keep six digits of a metric.


def our_best(rows: Sequence[Row], metric: str = METRIC) -> str:
    """Returns the model of ours with the best mean on the validation part."""
    values: dict[str, list[float]] = {}
    for row in rows:
        if ":" not in row["contestant"]:
            values.setdefault(row["contestant"], []).append(row[f"validation_{metric}"])
    return max(values, key=lambda name: sum(values[name]) / len(values[name]))


def differences(
    problem: str,
    rows: Sequence[Row],
    metric: str = METRIC,
    clusters: TensorLike | None = None,
    kept: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Returns a metric of our best model less that of each other contestant, on the same queries.

    The bootstrap draws queries for all trainings together, and seeds, where each side has several.
    Where results by query are not here, such as on another machine, what was found earlier stays,
    as long as it is the difference of the same rows; other contestants are left out.

    Args:
        problem: The name of the problem.
        rows: What was measured.
        metric: What is compared.
        clusters: Which queries are drawn together, such as the users who asked them.
        kept: What this returned earlier.
    """
    best = our_best(rows, metric)
    groups = {group[0]["contestant"]: group for group in by_contestant(rows)}
    ours = groups.pop(best)
    found = _kept(kept or {}, best, ours, groups, metric)
    results = _results(problem, ours)
    for name, group in groups.items():
        theirs = _results(problem, group)
        if results and theirs:
            found[name] = _compare(results, theirs, metric, clusters)._asdict()
    return {"our_best": best, "our_best_less": found}


def _kept(
    kept: Mapping[str, Any], best: str, ours: Sequence[Row], others: Groups, metric: str
) -> dict[str, Any]:
    """Returns the earlier differences whose means are those of today's rows."""
    if kept.get("our_best") != best:
        return {}
    means = {name: _mean_of(ours, metric) - _mean_of(rows, metric) for name, rows in others.items()}
    return {
        name: interval
        for name, interval in kept["our_best_less"].items()
        if name in means and abs(interval["mean"] - means[name]) < _ROUNDED
    }


def _results(problem: str, rows: Sequence[Row]) -> Results:
    """Returns the results by query of a contestant's trainings; none where one is not here."""
    paths = [result_path(problem, row["contestant"], row["seed"]) for row in rows]
    if not all(path.exists() for path in paths):
        return []
    return [evaluation.RetrievalResult.load(path) for path in paths]


def _mean_of(rows: Sequence[Row], metric: str) -> float:
    return statistics.fmean(row[metric] for row in rows)


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
