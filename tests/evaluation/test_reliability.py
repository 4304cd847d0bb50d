import numpy as np
import pytest

from tfrs_ext.evaluation import evaluate_predictions, reliability

RNG = np.random.default_rng(0)
P = RNG.random(500) ** 2
Y = (RNG.random(500) < P).astype(float)


def test_points_are_means_of_rows_of_similar_predictions():
    points = reliability(Y, P, bins=4)
    for i, point in enumerate(points):
        rows = (i / 4 <= P) & ((i + 1) / 4 > P)
        assert point["rows"] == rows.sum()
        np.testing.assert_allclose(point["prediction"], P[rows].mean())
        np.testing.assert_allclose(point["label"], Y[rows].mean())
    assert reliability([1, 0], [1.0, 1.0]) == [{"prediction": 1.0, "label": 0.5, "rows": 2.0}]


def test_their_mean_distance_is_the_calibration_error():
    error = sum(p["rows"] * abs(p["prediction"] - p["label"]) for p in reliability(Y, P)) / 500
    expected = evaluate_predictions(Y, P, np.zeros(500))["calibration_error"]
    np.testing.assert_allclose(error, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], [0.5], 0), "`bins` must be a positive integer"),
        (([1, 0], [0.5]), "must be of one length"),
        (([1], [1.5]), "must lie from 0 to 1, received 1.5"),
    ],
)
def test_rejects_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        reliability(*arguments)
