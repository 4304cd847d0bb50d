"""Several models on the same queries: means, intervals and paired differences."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tfrs_ext.evaluation.bootstrap import Values, bootstrap_means, bounds
from tfrs_ext.evaluation.interval import Interval
from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.typing import TensorLike


def compare_results(
    results: Mapping[str, RetrievalResult],
    names: Sequence[str] | None = None,
    *,
    clusters: TensorLike | None = None,
    level: float = 0.95,
    samples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Sets results on the same queries side by side, the first against each of the others.

    All means and differences come from the same draws of queries, so a difference is paired: it
    may be certain where the intervals of both models overlap.

    Args:
        results: `{model: result}`; the first is the one that is compared.
        names: The metrics to compare; None takes all but `rank`.
        clusters: `[Q]` which queries are drawn together, such as the users who asked them; None
            draws each for itself, which is too sure of itself where users ask several.
        level: The probability that an interval covers the true value.
        samples: How often the queries are drawn anew.
        seed: The seed of the draws.

    Returns:
        `{"queries", "level", "metrics": {model: {metric: Interval}}, "differences": {other:
        {metric: Interval}}}`, JSON-able; a difference is the first model's mean minus the other's.

    Raises:
        ValueError: Where results are of other queries, or `clusters` or `level` doesn't fit.

    Relations:
        `compare_seeds` where each model was trained several times.

    Example:
        >>> ours, theirs = (RetrievalResult({"recall_at_1": np.array(v)})
        ...     for v in ([1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]))
        >>> table = compare_results({"model": ours, "popularity": theirs})
        >>> table["differences"]["popularity"]["recall_at_1"].mean
        0.5

    References:
        Efron and Tibshirani: An Introduction to the Bootstrap, 1993. Field and Welsh:
        Bootstrapping clustered data, JRSS B 2007.
    """
    first, *others = results
    if names is None:
        names = [name for name in results[first].per_query if name != "rank"]
    for other in others:
        results[first].check_same_queries(results[other], names[0])
    columns = np.stack([r.per_query[name] for r in results.values() for name in names], axis=1)
    shape = (len(results), len(names))
    means = np.nanmean(columns, axis=0).reshape(shape)
    drawn = bootstrap_means(columns, clusters, samples, seed).reshape(-1, *shape)
    return {
        "queries": int(np.sum(~np.isnan(columns[:, 0]))),
        "level": level,
        "metrics": {
            model: _intervals(names, means[i], drawn[:, i], level)
            for i, model in enumerate(results)
        },
        "differences": {
            other: _intervals(names, means[0] - means[i], drawn[:, 0] - drawn[:, i], level)
            for i, other in enumerate(others, start=1)
        },
    }


def _intervals(
    names: Sequence[str], means: Values, drawn: Values, level: float
) -> dict[str, Interval]:
    columns = zip(means, *bounds(drawn, level), strict=True)
    return {
        name: Interval(*map(float, column)) for name, column in zip(names, columns, strict=True)
    }
