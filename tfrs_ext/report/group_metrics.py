"""A metric apart for parts of the queries, so that a mean doesn't hide who pays for it."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tfrs_ext.data import EvaluationQueries
from tfrs_ext.evaluation import Interval, RetrievalResult, popularity_groups

_TENTHS = 10


def metric_by_group(
    results: Mapping[str, RetrievalResult],
    groups: Mapping[str, npt.NDArray[np.bool_]],
    metric: str,
    clusters: npt.ArrayLike,
    min_queries: int = 20,
) -> dict[str, dict[str, Interval]]:
    """Returns a metric of every model for every group of queries, with its interval.

    Args:
        results: From models to results on the same queries.
        groups: From names to `[Q]`, which queries belong to the group.
        metric: The metric's name, such as `"recall_at_10"`.
        clusters: `[Q]` which queries are drawn together for the interval, such as their users.
        min_queries: Groups with fewer queries are left out.

    Returns:
        `{model: {group: interval}}`, as an entry of `RunSummary(groups=…)`.

    Example:
        >>> found = RetrievalResult({"recall_at_1": np.array([1.0, 0.0, 1.0])})
        >>> groups = {"new": np.array([True, True, False])}
        >>> metric_by_group({"model": found}, groups, "recall_at_1", [1, 2, 3], min_queries=1)
        {'model': {'new': Interval(mean=0.5, low=0.0, high=1.0)}}
    """
    owners = np.asarray(clusters)
    large = {name: rows for name, rows in groups.items() if rows.sum() >= min_queries}
    return {
        model: {
            name: result.subset(rows).confidence_interval(metric, clusters=owners[rows])
            for name, rows in large.items()
        }
        for model, result in results.items()
    }


def recall_by_group(
    results: Mapping[str, RetrievalResult],
    queries: EvaluationQueries,
    item_counts: npt.NDArray[np.int64],
    min_queries: int = 20,
) -> dict[str, dict[str, dict[str, Interval]]]:
    """Returns recall@10 by the popularity of the item, and for known and new users and items.

    Args:
        results: From models to results on the queries, each with `recall_at_10`.
        queries: One positive each, as `data.next_item_queries` gives.
        item_counts: `[C]` how often each item occurs in the training part.
        min_queries: Groups with fewer queries are left out, and what has only one group then.

    Returns:
        `{title: {model: {group: interval}}}`, for `RunSummary(groups=…)`.
    """
    wanted = queries.positives.values.numpy()
    tenth = popularity_groups(item_counts, min(_TENTHS, len(item_counts)))[wanted]
    divisions = {
        "Recall@10 by popularity of the item, most popular tenth first": {
            str(group + 1): tenth == group for group in range(_TENTHS)
        },
        "Recall@10 for known and new users": {
            "with a history": ~queries.cold,
            "without": queries.cold,
        },
        "Recall@10 for known and new items": {
            "in the training part": item_counts[wanted] > 0,
            "new": item_counts[wanted] == 0,
        },
    }
    found = {
        title: metric_by_group(results, groups, "recall_at_10", queries.user_rows, min_queries)
        for title, groups in divisions.items()
    }
    return {
        title: models for title, models in found.items() if all(len(g) > 1 for g in models.values())
    }
