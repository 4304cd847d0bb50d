"""Whether predictions are too high or too low on the whole."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.metrics.predictions import flat_predictions


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CalibrationRatio(keras.metrics.Metric):
    """Mean prediction over mean label.

    `sum(w p) / sum(w y)`: 1 for a model that is right on average, more for one that promises too
    much. `ExpectedCalibrationError` also sees errors that cancel out.

    Args:
        name: Of the metric.
        dtype: Of the result.

    Call arguments (`update_state`):
        y_true: Labels in [0, 1], `[B]` or `[B, 1]`.
        y_pred: Probabilities of the same size.
        sample_weight: Weights of the rows, optional.

    Returns:
        A scalar; 0 while there is no positive label.

    Raises:
        InvalidArgumentError: A label or a probability lies outside [0, 1].

    Example:
        >>> metric = CalibrationRatio()
        >>> metric.update_state([1, 0], [0.75, 0.75])
        >>> float(metric.result())
        1.5

    References:
        X. He et al., 2014. Practical Lessons from Predicting Clicks on Ads at Facebook. ADKDD.
    """

    def __init__(self, name: str = "calibration_ratio", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.predicted = self.add_weight("predicted", (), initializer="zeros")
        self.observed = self.add_weight("observed", (), initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds rows to both sums."""
        labels, predictions, weights = flat_predictions(y_true, y_pred, sample_weight)
        self.predicted.assign_add(tf.cast(tf.tensordot(weights, predictions, 1), self.dtype))
        self.observed.assign_add(tf.cast(tf.tensordot(weights, labels, 1), self.dtype))

    def result(self) -> tf.Tensor:
        """Returns the ratio."""
        return tf.math.divide_no_nan(self.predicted, self.observed)
