"""Means over queries that are drawn anew: how far a metric could move with other queries."""

import numpy as np
import numpy.typing as npt

from tfrs_ext.evaluation.interval import check_level
from tfrs_ext.typing import TensorLike

Values = npt.NDArray[np.float64]
_DRAWS_IN_BLOCK = 2**22


def bootstrap_means(
    columns: Values, clusters: TensorLike | None, samples: int, seed: int
) -> Values:
    """Returns the means of columns over queries drawn with replacement.

    All columns see the same draws, so that their differences are paired.

    Args:
        columns: `[Q, M]`; NaN counts nowhere.
        clusters: `[Q]` which queries are drawn together, such as the users who asked them; None
            draws each for itself.
        samples: How many times the queries are drawn.
        seed: The seed of the draws.

    Returns:
        `[samples, M]`.
    """
    sums, counts = _by_cluster(columns, clusters)
    size, rng = len(sums), np.random.default_rng(seed)
    step = max(1, _DRAWS_IN_BLOCK // size)
    means = []
    for begin in range(0, samples, step):
        drawn = rng.integers(0, size, (min(step, samples - begin), size))
        # How often each was drawn, so that a mean over draws is a product of matrices.
        times = np.stack([np.bincount(draw, minlength=size) for draw in drawn]).astype(np.float64)
        with np.errstate(invalid="ignore"):  # A draw may hold nothing of a rare group: NaN.
            means.append((times @ sums) / (times @ counts))
    return np.concatenate(means)


def bounds(means: Values, level: float) -> tuple[Values, Values]:
    """Returns the percentile interval of each column, leaving out draws without a value."""
    check_level(level)
    low, high = np.nanquantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _by_cluster(columns: Values, clusters: TensorLike | None) -> tuple[Values, Values]:
    """Returns sums and counts of each cluster's queries, `[clusters, M]`."""
    is_known = ~np.isnan(columns)
    values, counts = np.where(is_known, columns, 0.0), is_known.astype(np.float64)
    if clusters is None:
        return values, counts
    keys = np.asarray(clusters)
    if keys.shape != columns.shape[:1]:
        raise ValueError(
            f"`clusters` must have an entry for each of the {len(columns)} queries, received "
            f"shape {keys.shape}."
        )
    _, cluster = np.unique(keys, return_inverse=True)
    totals = np.zeros((2, cluster.max() + 1, columns.shape[1]))
    np.add.at(totals[0], cluster, values)
    np.add.at(totals[1], cluster, counts)
    return totals[0], totals[1]
