"""What an evaluation found, query by query, with intervals over the queries."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tfrs_ext.evaluation.bootstrap import Values, bootstrap_means, bounds
from tfrs_ext.evaluation.interval import Interval
from tfrs_ext.files import replace_file
from tfrs_ext.typing import PathLike, TensorLike


@dataclasses.dataclass(frozen=True)
class RetrievalResult:
    """Metrics of every query; queries without positives have NaN and count nowhere.

    Args:
        per_query: `{metric: [Q] float64}`: names such as `recall_at_10`, and `rank`, the rank of
            the query's best positive, from 1.

    Example:
        >>> result = RetrievalResult({"recall_at_10": np.array([1.0, 0.0, np.nan])})
        >>> result["recall_at_10"]
        0.5
        >>> result.confidence_interval("recall_at_10").low
        0.0

    References:
        Efron: Bootstrap Methods: Another Look at the Jackknife, 1979. Sakai: Evaluating
        Evaluation Metrics based on the Bootstrap, SIGIR 2006.
    """

    per_query: Mapping[str, Values]

    def __getitem__(self, name: str) -> float:
        """Returns a metric's mean over the queries, or the median for `median_rank`."""
        if name == "median_rank":
            return float(np.median(self.values("rank")))
        return float(np.mean(self.values(name)))

    def values(self, name: str) -> Values:
        """Returns a metric of the queries that have positives."""
        if name not in self.per_query:
            known = ", ".join(self.per_query)
            raise KeyError(f"`name` must be one of {known}, received {name!r}.")
        column = self.per_query[name]
        return column[~np.isnan(column)]

    def summary(self) -> dict[str, float]:
        """Returns `{metric: mean}`, `median_rank`, and `queries`, how many have positives."""
        names = [name for name in self.per_query if name != "rank"]
        summary = {name: self[name] for name in names}
        if "rank" in self.per_query:
            summary["median_rank"] = self["median_rank"]
        return {**summary, "queries": len(self.values(next(iter(self.per_query))))}

    def subset(self, chosen: TensorLike) -> "RetrievalResult":
        """Returns the result of some queries, such as those of cold users.

        Args:
            chosen: `[Q]` boolean, or the indices of some queries.
        """
        return RetrievalResult({name: v[np.asarray(chosen)] for name, v in self.per_query.items()})

    def confidence_interval(
        self,
        name: str,
        level: float = 0.95,
        samples: int = 1000,
        seed: int = 0,
        clusters: TensorLike | None = None,
    ) -> Interval:
        """Returns a metric's mean with its percentile bootstrap interval over queries.

        Args:
            name: The metric, such as `recall_at_10`.
            level: The probability that the interval covers the true value.
            samples: How often the queries are drawn anew.
            seed: The seed of the draws.
            clusters: `[Q]` which queries are drawn together, such as the users who asked them; None
                draws each for itself, which is too sure of itself where users ask several.
        """
        self.values(name)  # Says which names there are.
        return _interval(self.per_query[name], level, samples, seed, clusters)

    def paired_difference(
        self,
        other: "RetrievalResult",
        name: str,
        level: float = 0.95,
        samples: int = 1000,
        seed: int = 0,
        clusters: TensorLike | None = None,
    ) -> Interval:
        """Returns this result's mean minus another's, over the same queries, with its interval.

        An interval without 0 says that the difference is more than the luck of the queries.

        Args:
            other: The result of another model on the same queries in the same order.
            name: The metric, such as `recall_at_10`.
            level: The probability that the interval covers the true value.
            samples: How often the queries are drawn anew.
            seed: The seed of the draws.
            clusters: `[Q]` which queries are drawn together, such as the users who asked them; None
                draws each for itself, which is too sure of itself where users ask several.

        Relations:
            `compare_results` does this for every metric at once.
        """
        self.check_same_queries(other, name)
        difference = np.subtract(self.per_query[name], other.per_query[name])
        return _interval(difference, level, samples, seed, clusters)

    def save(self, path: PathLike) -> None:
        """Writes the metrics of every query, to be compared with another run's, whole or not.

        Args:
            path: The file, of NumPy's compressed format; `.npz` is the usual ending.
        """
        columns: dict[str, Any] = dict(self.per_query)
        with replace_file(path) as part, part.open("wb") as stream:
            np.savez_compressed(stream, **columns)

    @classmethod
    def load(cls, path: PathLike) -> "RetrievalResult":
        """Reads what `save` wrote.

        Args:
            path: The file.
        """
        with np.load(path) as columns:
            return cls({name: columns[name] for name in columns.files})

    def check_same_queries(self, other: "RetrievalResult", name: str) -> None:
        """Raises a ValueError where another result can't be of the same queries.

        Args:
            other: The other result.
            name: A metric of both.
        """
        ours, theirs = self.per_query[name], other.per_query[name]
        if ours.shape != theirs.shape or np.any(np.isnan(ours) != np.isnan(theirs)):
            raise ValueError(
                f"`other` must be of the same queries, received {theirs.shape[0]} instead of "
                f"{ours.shape[0]} or other queries without positives."
            )


def _interval(
    values: Values, level: float, samples: int, seed: int, clusters: TensorLike | None
) -> Interval:
    means = bootstrap_means(values[:, np.newaxis], clusters, samples, seed)
    low, high = bounds(means, level)
    return Interval(float(np.nanmean(values)), float(low[0]), float(high[0]))
