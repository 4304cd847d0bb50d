"""Log loss in units of what the base rate alone would lose."""

import tensorflow as tf

from tfrs_ext._keras import keras, mark_errors
from tfrs_ext.metrics.predictions import flat_predictions
from tfrs_ext.typing import Config, DType, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class NormalizedEntropy(keras.metrics.Metric):
    """Log loss over the entropy of the labels.

    `-mean(y log p + (1 - y) log(1 - p)) / H(mean(y))`: 1 for a model that always says the base
    rate, less for a better one. Unlike log loss it can be compared between sets whose shares of
    positives differ; the relative information gain is `1 - NE`.

    Args:
        from_logits: Whether predictions are logits instead of probabilities.
        name: The metric's name in logs.
        dtype: The dtype of the result; None is Keras's default.

    Call arguments (`update_state`):
        y_true: Labels in [0, 1], `[B]` or `[B, 1]`.
        y_pred: Predictions of the same size. Probabilities are kept 1e-7 away from 0 and 1.
        sample_weight: The weights of the rows, of the same size; None is 1.

    Returns:
        A scalar; 0 while all labels are of one class, since there is nothing to know then.

    Raises:
        InvalidArgumentError: A label or a probability lies outside [0, 1].

    Example:
        >>> metric = NormalizedEntropy()
        >>> metric.update_state([1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25])
        >>> float(metric.result())
        1.0

    References:
        X. He et al., 2014. Practical Lessons from Predicting Clicks on Ads at Facebook. ADKDD.
    """

    def __init__(
        self,
        from_logits: bool = False,
        name: str = "normalized_entropy",
        dtype: DType | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.from_logits = from_logits
        self.loss = self.add_weight("loss", (), initializer="zeros")
        self.positives = self.add_weight("positives", (), initializer="zeros")
        self.total = self.add_weight("total", (), initializer="zeros")

    @mark_errors
    def update_state(
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Adds rows to the sums."""
        labels, predictions, weights = flat_predictions(
            y_true, y_pred, sample_weight, from_logits=self.from_logits
        )
        if self.from_logits:
            losses = tf.nn.sigmoid_cross_entropy_with_logits(labels, predictions)
        else:
            p = tf.clip_by_value(predictions, 1e-7, 1 - 1e-7)
            losses = -labels * tf.math.log(p) - (1 - labels) * tf.math.log1p(-p)
        self.loss.assign_add(tf.cast(tf.tensordot(weights, losses, 1), self.dtype))
        self.positives.assign_add(tf.cast(tf.tensordot(weights, labels, 1), self.dtype))
        self.total.assign_add(tf.cast(tf.reduce_sum(weights), self.dtype))

    def result(self) -> tf.Tensor:
        """Returns the ratio."""
        rate = tf.math.divide_no_nan(self.positives, self.total)
        entropy = -tf.math.xlogy(rate, rate) - tf.math.xlogy(1 - rate, 1 - rate)
        return tf.math.divide_no_nan(self.loss, self.total * entropy)

    def get_config(self) -> Config:
        """Returns the arguments, JSON-able."""
        return {**super().get_config(), "from_logits": self.from_logits}
