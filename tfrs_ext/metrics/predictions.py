"""Labels, predictions and weights of a batch, flat and in float32."""

import tensorflow as tf

from tfrs_ext.typing import TensorLike


def flat_predictions(
    y_true: TensorLike,
    y_pred: TensorLike,
    sample_weight: TensorLike | None = None,
    *,
    from_logits: bool = False,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns labels, predictions and weights, each `[n]`.

    Raises:
        InvalidArgumentError: A label, or a prediction that is no logit, lies outside [0, 1].
    """
    labels, predictions = (tf.reshape(tf.cast(t, tf.float32), [-1]) for t in (y_true, y_pred))
    checks = [_assert_unit(labels, "y_true")]
    if not from_logits:
        checks.append(_assert_unit(predictions, "y_pred"))
    with tf.control_dependencies(checks):
        labels, predictions = tf.identity(labels), tf.identity(predictions)
    if sample_weight is None:
        return labels, predictions, tf.ones_like(labels)
    weights = tf.reshape(tf.cast(sample_weight, tf.float32), [-1])
    return labels, predictions, tf.broadcast_to(weights, tf.shape(labels))


def _assert_unit(values: tf.Tensor, name: str) -> tf.Operation:
    message = f"`{name}` must be in [0, 1], received values from and to:"
    return tf.debugging.Assert(
        tf.reduce_all((values >= 0) & (values <= 1)),
        [message, tf.reduce_min(values), tf.reduce_max(values)],
    )
