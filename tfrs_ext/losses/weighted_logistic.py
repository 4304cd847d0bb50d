"""Weighted logistic regression, whose odds are the expected label."""

import tensorflow as tf

from tfrs_ext._keras import keras


@keras.saving.register_keras_serializable(package="tfrs_ext")
class WeightedLogistic(keras.losses.Loss):
    """Teaches odds to be what a row earns: watch time, revenue, number of plays.

    `T log(1 + 1 / o) + [T = 0] log(1 + o)`: the logistic loss with the probability `o / (1 + o)`,
    in which a positive row weighs its amount `T` and a negative row 1. Over rows that look alike,
    `k` of which are positive out of `N`, the best odds are `sum T / (N - k)`, near the mean of `T`
    where positives are few.

    Args:
        reduction: How the losses of the rows become one, in the words of Keras's losses.
        name: The loss's name.

    Call arguments:
        y_true: `[..., 1]` amounts, 0 for a negative row.
        y_pred: `[..., 1]` odds, `exp` of a logit, as `models.YouTubeRanker` gives them.

    Returns:
        The mean over the last axis, reduced, in float32.

    Raises:
        InvalidArgumentError: An amount is negative.

    `keras.losses.BinaryCrossentropy` learns whether there is an amount, `MeanSquaredError` its
    mean with the variance of large amounts.

    Example:
        >>> loss = WeightedLogistic()
        >>> round(float(loss([[3.0], [0.0]], [[1.0], [1.0]])), 4)  # (3 log 2 + log 2) / 2
        1.3863

    References:
        P. Covington, J. Adams, E. Sargin, 2016. Deep Neural Networks for YouTube Recommendations.
        RecSys 2016.
    """

    def __init__(self, reduction: str = "auto", name: str = "weighted_logistic") -> None:
        super().__init__(reduction=reduction, name=name)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Returns `[...]`."""
        amounts, odds = tf.cast(y_true, tf.float32), tf.cast(y_pred, tf.float32)
        message = "`y_true` must not be negative, received from:"
        check = tf.debugging.Assert(
            tf.logical_not(tf.reduce_any(amounts < 0)), [message, tf.reduce_min(amounts)]
        )
        with tf.control_dependencies([check]):
            # Within the bounds, odds and their reciprocal are normal numbers of float32.
            logits = tf.math.log(tf.clip_by_value(odds, 1e-36, 1e36))
        negative = tf.where(amounts > 0, 0.0, tf.nn.softplus(logits))
        return tf.reduce_mean(amounts * tf.nn.softplus(-logits) + negative, axis=-1)
