"""A model that ranks beside the baselines that it has to beat, on the test part."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf
from sklearn import metrics as sklearn_metrics

from recipes.ranking_problem import RankingProblem
from tfrs_ext import metrics

COLUMNS = ("auc", "gauc", "log_loss", "calibration_error")
_PRIOR = 10.0  # Rows of the average user or item that each one is given.


def compare(problem: RankingProblem, model: Any) -> dict[str, dict[str, float]]:
    """Evaluates the model, and how often an item, or a user's rows, were positive in training."""
    test, schema = problem.split.test, problem.split.test.schema
    rates = {name: _rates(problem, name) for name in (schema.user_id, schema.item_id)}
    mean = problem.split.train.interactions[schema.label].mean()
    predictions = {
        "model": model.predict(problem.test, verbose=0)[:, 0],
        "item rate": rates[schema.item_id],
        "user rate": rates[schema.user_id],
        "constant": np.full(len(test.interactions), mean),
    }
    labels = test.interactions[schema.label].to_numpy(np.float32)
    users = test.user_rows()
    return {name: _metrics(labels, values, users) for name, values in predictions.items()}


def _metrics(
    labels: npt.NDArray[Any], predictions: npt.NDArray[Any], users: npt.NDArray[Any]
) -> dict[str, float]:
    gauc = metrics.GAUC(num_users=max(1, len(np.unique(users))))
    calibration = metrics.ExpectedCalibrationError()
    gauc.update_state(labels, predictions, users)
    calibration.update_state(labels, predictions)
    return {
        "auc": float(sklearn_metrics.roc_auc_score(labels > 0.5, predictions)),
        "gauc": float(gauc.result()),
        "log_loss": float(
            tf.reduce_mean(
                tf.keras.losses.binary_crossentropy(labels[:, None], predictions[:, None])
            )
        ),
        "calibration_error": float(calibration.result()),
    }


def _rates(problem: RankingProblem, column: str) -> npt.NDArray[Any]:
    """Returns, for each test row, the share of positives of its user or item in training."""
    train, test = problem.split.train.interactions, problem.split.test.interactions
    label = problem.split.train.schema.label
    rows: pd.DataFrame = train.groupby(column)[label].agg(["sum", "count"])
    mean = train[label].mean()
    rates = (rows["sum"] + _PRIOR * mean) / (rows["count"] + _PRIOR)
    return test[column].map(rates).fillna(mean).to_numpy(np.float32)
