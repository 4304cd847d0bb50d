"""Whether predictions are too high or too low on the whole."""

import tensorflow as tf

from tfrs_ext._keras import keras, mark_errors
from tfrs_ext.metrics.predictions import flat_predictions
from tfrs_ext.typing import DType, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CalibrationRatio(keras.metrics.Metric):
    """Mean prediction over mean label.

    `sum(w p) / sum(w y)`: 1 for a model that is right on average, more for one that promises too
    much. `ExpectedCalibrationError` also sees errors that cancel out.

    Args:
        name: The metric's name in logs.
        dtype: The dtype of the result; None is Keras's default.

    Call arguments (`update_state`):
        y_true: Labels in [0, 1], `[B]` or `[B, 1]`.
        y_pred: Probabilities of the same size.
        sample_weight: The weights of the rows, of the same size; None is 1.

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

    def __init__(self, name: str = "calibration_ratio", dtype: DType | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.predicted = self.add_weight("predicted", (), initializer="zeros")
        self.observed = self.add_weight("observed", (), initializer="zeros")

    @mark_errors
    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Adds rows to both sums."""
        labels, predictions, weights = flat_predictions(y_true, y_pred, sample_weight)
        self.predicted.assign_add(tf.cast(tf.tensordot(weights, predictions, 1), self.dtype))
        self.observed.assign_add(tf.cast(tf.tensordot(weights, labels, 1), self.dtype))

    def result(self) -> tf.Tensor:
        """Returns the ratio."""
        return tf.math.divide_no_nan(self.predicted, self.observed)
