"""Which hyper-parameters a search says matter, and whether it can say so."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_TREES = 300


class Importance(NamedTuple):
    """How much of the scores' variance each hyper-parameter explains.

    Attributes:
        shares: `{name: (mean, low, high)}`, means of sum 1; the bounds are the quartiles over the
            trees.
        explained: R² of the forest on trials that its trees didn't see; at 0 or below, the shares
            are noise.
        trials: How many it learned from.
    """

    shares: dict[str, tuple[float, float, float]]
    explained: float
    trials: int


def importance(trials: Sequence[Mapping[str, Any]], min_trials: int = 10) -> Importance | None:
    """Returns how much each hyper-parameter explains of the scores, by a random forest.

    The forest learns score from values; a hyper-parameter's share is the variance that the splits
    on it take away. A value that a trial lacks, because another choice excludes it, is a category
    of its own.

    Args:
        trials: Rows with `values` and `score`, as `tuning.SearchResult.trials` has them; those
            without a score are left out.
        min_trials: The least number of trials; with fewer there is no answer.

    Returns:
        An `Importance`, or None where trials are too few or nothing varies.

    Raises:
        ImportError: Where scikit-learn is missing.

    Example:
        >>> rows = [{"values": {"rate": i / 20, "units": i % 3}, "score": -abs(i / 20 - 0.4)}
        ...         for i in range(20)]
        >>> found = importance(rows)
        >>> found.shares["rate"][0] > 0.8, importance(rows[:5])
        (True, None)

    References:
        Hutter et al.: An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014.
        Breiman: Random Forests, 2001.
    """
    rows = [row for row in trials if row["score"] is not None]
    values = {name: [row["values"].get(name) for row in rows] for name in _varying(rows)}
    if len(rows) < min_trials or not values:
        return None
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError as error:
        raise ImportError(
            'Importance needs scikit-learn: `pip install "tfrs-ext[report]"`.'
        ) from error
    columns = {name: _encode(column) for name, column in values.items()}
    forest = RandomForestRegressor(_TREES, oob_score=True, random_state=0)
    forest.fit(np.concatenate(list(columns.values()), axis=1), [row["score"] for row in rows])
    ends = np.cumsum([column.shape[1] for column in columns.values()])
    trees = np.stack([tree.feature_importances_ for tree in forest.estimators_])
    shares = [part.sum(axis=1) for part in np.split(trees, ends[:-1], axis=1)]
    summaries = {name: _summary(share) for name, share in zip(columns, shares, strict=True)}
    return Importance(summaries, float(forest.oob_score_), len(rows))


def _summary(shares: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    low, high = np.quantile(shares, [0.25, 0.75])
    return float(shares.mean()), float(low), float(high)


def _varying(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = sorted({name for row in rows for name in row["values"]})
    return [name for name in names if len({str(row["values"].get(name)) for row in rows}) > 1]


def _encode(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Returns numbers as they are with a mark for the missing ones, and categories one-hot."""
    known = [value for value in values if value is not None]
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in known):
        middle = float(np.median(known))
        columns = [[middle if v is None else float(v) for v in values]]
        if len(known) < len(values):
            columns.append([float(v is None) for v in values])
    else:
        kinds = sorted({str(value) for value in values})
        columns = [[float(str(value) == kind) for value in values] for kind in kinds]
    return np.array(columns).T
