"""How far predicted probabilities are from the frequencies of what they predict."""

import tensorflow as tf

from tfrs_ext._keras import keras, mark_errors
from tfrs_ext.metrics.predictions import flat_predictions
from tfrs_ext.typing import Config, DType, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class ExpectedCalibrationError(keras.metrics.Metric):
    """Mean distance of prediction and frequency, over bins of the prediction.

    `sum_b (n_b / n) |mean_b(y) - mean_b(p)|` over `num_bins` equal parts of [0, 1]; `n_b` are sums
    of weights.

    A model that always says the base rate has an error of 0 and knows nothing: look at AUC or
    `NormalizedEntropy` as well. `CalibrationRatio` is one number for the whole.

    Args:
        num_bins: Number of bins.
        name: The metric's name in logs.
        dtype: The dtype of the result; None is Keras's default.

    Call arguments (`update_state`):
        y_true: Labels in [0, 1], `[B]` or `[B, 1]`.
        y_pred: Probabilities of the same size.
        sample_weight: The weights of the rows, of the same size; None is 1.

    Returns:
        A scalar in [0, 1].

    Raises:
        ValueError: `num_bins` is less than 1.
        InvalidArgumentError: A label or a probability lies outside [0, 1].

    Example:
        >>> metric = ExpectedCalibrationError()
        >>> metric.update_state([1, 0], [0.75, 0.75])
        >>> float(metric.result())
        0.25

    References:
        C. Guo et al., 2017. On Calibration of Modern Neural Networks. arXiv:1706.04599.
    """

    def __init__(
        self,
        num_bins: int = 10,
        name: str = "expected_calibration_error",
        dtype: DType | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if num_bins < 1:
            raise ValueError(f"`num_bins` must be at least 1, received {num_bins=}.")
        self.num_bins = num_bins
        self.differences = self.add_weight("differences", (num_bins,), initializer="zeros")
        self.total = self.add_weight("total", (), initializer="zeros")

    @mark_errors
    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Adds rows to their bins."""
        labels, predictions, weights = flat_predictions(y_true, y_pred, sample_weight)
        bins = tf.minimum(tf.cast(predictions * self.num_bins, tf.int32), self.num_bins - 1)
        differences = tf.math.unsorted_segment_sum(
            weights * (labels - predictions), bins, self.num_bins
        )
        self.differences.assign_add(tf.cast(differences, self.dtype))
        self.total.assign_add(tf.cast(tf.reduce_sum(weights), self.dtype))

    def result(self) -> tf.Tensor:
        """Returns the error."""
        return tf.math.divide_no_nan(tf.reduce_sum(tf.abs(self.differences)), self.total)

    def reset_state(self) -> None:
        """Forgets all rows."""
        for variable in self.variables:
            variable.assign(tf.zeros_like(variable))

    def get_config(self) -> Config:
        """Returns the arguments, JSON-able."""
        return {**super().get_config(), "num_bins": self.num_bins}
