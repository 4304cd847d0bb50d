"""How often predictions come true, bin by bin: the points of a reliability diagram."""

import numpy as np
import numpy.typing as npt


def reliability(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, bins: int = 10
) -> list[dict[str, float]]:
    """Returns what was predicted and what came true, for rows of similar predictions.

    Args:
        labels: `[N]` numbers from 0 to 1.
        predictions: `[N]` probabilities.
        bins: The number of bins, of equal width; those without a row are left out.

    Returns:
        A dict for each bin, ascending: `prediction`, the mean prediction, `label`, the mean label,
        and `rows`.

    Raises:
        ValueError: `bins` isn't positive, the lengths differ, or a prediction lies outside [0, 1].

    Relations:
        The mean of `abs(prediction - label)`, weighted by rows, is the `calibration_error` of
        `evaluate_predictions`, and `metrics.ExpectedCalibrationError`.

    Example:
        >>> reliability([1, 0, 1], [0.9, 0.1, 0.3], bins=2)[1]
        {'prediction': 0.9, 'label': 1.0, 'rows': 1.0}
    """
    y, p = (np.asarray(values, np.float64).ravel() for values in (labels, predictions))
    if bins < 1:
        raise ValueError(f"`bins` must be a positive integer, received {bins=}.")
    if y.shape != p.shape:
        raise ValueError(
            "`labels` and `predictions` must be of one length, received shapes "
            f"{y.shape} and {p.shape}."
        )
    if not np.all((p >= 0) & (p <= 1)):
        wrong = p[~((p >= 0) & (p <= 1))][0]
        raise ValueError(f"`predictions` must lie from 0 to 1, received {wrong}.")
    places = np.minimum((p * bins).astype(np.int64), bins - 1)
    rows = np.bincount(places, minlength=bins)
    sums = [np.bincount(places, values, minlength=bins) for values in (p, y)]
    return [
        {
            "prediction": float(sums[0][i] / rows[i]),
            "label": float(sums[1][i] / rows[i]),
            "rows": float(rows[i]),
        }
        for i in np.flatnonzero(rows)
    ]
