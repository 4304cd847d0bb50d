"""How good predicted probabilities are: order, order within users, likelihood, calibration."""

import numpy as np
import numpy.typing as npt
import pandas as pd

_BINS, _EPSILON = 10, 1e-7


def evaluate_predictions(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, users: npt.ArrayLike
) -> dict[str, float]:
    """Returns exact metrics of the predictions for all rows of a test part.

    - `auc`: the share of pairs of a positive and a negative row in which the positive stands above;
      ties count one half. A label above one half is a positive.
    - `gauc`: the mean of the AUC within each user, weighted by the user's rows; users whose rows
      are of one class are left out.
    - `log_loss`: `mean of -y log p - (1 - y) log(1 - p)`.
    - `calibration_error`: the mean distance of prediction and label over ten bins of predictions,
      weighted by their rows.

    Where all rows are of one class there is no order, and `auc` and `gauc` are NaN.

    Args:
        labels: `[N]` numbers from 0 to 1.
        predictions: `[N]` probabilities.
        users: `[N]` whose row it is: numbers or strings.

    Returns:
        From names to values.

    Raises:
        ValueError: The lengths differ, or a label or prediction lies outside [0, 1].

    Relations:
        `metrics.GAUC` and `metrics.ExpectedCalibrationError` do this batch by batch, in bounded
        memory.

    Example:
        >>> found = evaluate_predictions([1, 0, 1, 0], [0.9, 0.8, 0.1, 0.2], [1, 1, 2, 2])
        >>> found["auc"], found["gauc"]
        (0.5, 0.5)
    """
    y, p = (np.asarray(values, np.float64) for values in (labels, predictions))
    owners = np.asarray(users)
    if not y.shape == p.shape == owners.shape == (len(y),):
        raise ValueError(
            "`labels`, `predictions` and `users` must be of one length, received shapes "
            f"{y.shape}, {p.shape} and {owners.shape}."
        )
    for name, values in (("labels", y), ("predictions", p)):
        if not np.all((values >= 0) & (values <= 1)):
            wrong = values[~((values >= 0) & (values <= 1))][0]
            raise ValueError(f"`{name}` must lie from 0 to 1, received {wrong}.")
    by_user = _aucs(pd.DataFrame({"user": owners, "positive": y > 0.5, "prediction": p}))
    whole = _aucs(pd.DataFrame({"user": 0, "positive": y > 0.5, "prediction": p}))
    safe = np.clip(p, _EPSILON, 1 - _EPSILON)
    return {
        "auc": float(whole["auc"].mean()),
        "gauc": _weighted(by_user["auc"], by_user["rows"]),
        "log_loss": float(np.mean(-y * np.log(safe) - (1 - y) * np.log(1 - safe))),
        "calibration_error": _calibration_error(y, p),
    }


def _aucs(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns AUC and number of rows of every user with rows of both classes.

    The positives' ranks sum to 1 + 2 + … + P where they stand below all negatives; each pair that
    stands the right way adds one.
    """
    rows = rows.assign(rank=rows.groupby("user")["prediction"].rank())
    rows = rows.assign(rank_of_positive=rows["rank"].where(rows["positive"], 0.0))
    sums = rows.groupby("user").agg(
        rows=("rank", "size"), positives=("positive", "sum"), ranks=("rank_of_positive", "sum")
    )
    sums = sums[(sums["positives"] > 0) & (sums["positives"] < sums["rows"])]
    positives, negatives = sums["positives"], sums["rows"] - sums["positives"]
    aucs = (sums["ranks"] - positives * (positives + 1) / 2) / (positives * negatives)
    return sums.assign(auc=aucs)


def _weighted(values: "pd.Series[float]", weights: "pd.Series[int]") -> float:
    total = float(weights.sum())
    return float((values * weights).sum()) / total if total else float("nan")


def _calibration_error(y: npt.NDArray[np.float64], p: npt.NDArray[np.float64]) -> float:
    bins = np.minimum((p * _BINS).astype(np.int64), _BINS - 1)
    distances = np.bincount(bins, weights=p - y, minlength=_BINS)
    return float(np.abs(distances).sum() / len(y))
