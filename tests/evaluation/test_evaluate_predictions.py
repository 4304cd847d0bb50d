"""Metrics of predictions, against scikit-learn and loops over users."""

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from tfrs_ext.evaluation import evaluate_predictions


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    predictions = np.round(rng.uniform(size=400), 1)  # Many ties.
    labels = (rng.uniform(size=400) < 0.3 + 0.4 * predictions).astype(float)
    return labels, predictions, rng.integers(30, size=400)


def test_auc_and_log_loss_are_those_of_scikit_learn(rows):
    labels, predictions, users = rows
    found = evaluate_predictions(labels, predictions, users)
    safe = np.clip(predictions, 1e-7, 1 - 1e-7)
    assert found["auc"] == pytest.approx(sklearn_metrics.roc_auc_score(labels, predictions))
    assert found["log_loss"] == pytest.approx(sklearn_metrics.log_loss(labels, safe))


def test_gauc_is_the_mean_over_users_with_both_classes(rows):
    labels, predictions, users = rows
    labels[users == 3] = 1.0
    total = weight = 0.0
    for user in set(users.tolist()) - {3}:
        own = users == user
        if 0 < labels[own].sum() < own.sum():
            total += own.sum() * sklearn_metrics.roc_auc_score(labels[own], predictions[own])
            weight += own.sum()
    assert evaluate_predictions(*rows)["gauc"] == pytest.approx(total / weight)


def test_calibration_error_by_hand():
    found = evaluate_predictions([1, 0, 1, 0], [0.75, 0.75, 0.1, 0.1], [1, 1, 1, 1])
    assert found["calibration_error"] == pytest.approx(0.5 * abs(0.5 - 0.75) + 0.5 * abs(0.5 - 0.1))


def test_rows_of_one_class_have_no_order():
    found = evaluate_predictions([1, 1], [0.75, 0.5], ["a", "b"])
    assert np.isnan([found["auc"], found["gauc"]]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], [0.5], [1, 2]), "must be of one length"),
        (([5, 0], [0.5, 0.5], [1, 2]), r"`labels` must lie from 0 to 1, received 5\.0"),
        (([1, 0], [0.5, np.nan], [1, 2]), "`predictions` must lie from 0 to 1, received nan"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate_predictions(*arguments)
