"""A drop-in for `tfrs.tasks.Ranking` that checks labels and works on several replicas."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras
from tfrs_ext.ops.checks import in_unit

_BINARY = (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy)
_PARTS = ("metrics", "prediction_metrics", "label_metrics", "loss_metrics")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Ranking(keras.layers.Layer, tfrs.tasks.Task):
    """Trains a model to predict a label of each row: a click, a rating, a watch time.

    Takes the arguments of `tfrs.tasks.Ranking` and gives the same values. What differs:

    - Labels and probabilities outside [0, 1] are an error for a binary loss; Keras follows the
      ones and clips the others.
    - Rows `[B]` can be weighted, be it labels, predictions or both that are no columns.
    - In mixed precision labels are not cast to float16, and the loss is float32.
    - A mean loss works on several replicas, each of which returns its share.
    - `loss_metrics` that are means weigh a batch by its rows, so that a small last batch counts
      for what it is.
    - The task has a configuration, from which it can be loaded.

    Args:
        loss: Any Keras loss of labels and predictions; None for `BinaryCrossentropy`, the mean
            over the batch.
        metrics: Keras metrics of labels and predictions, a list or one.
        prediction_metrics: Keras metrics of the predictions.
        label_metrics: Keras metrics of the labels.
        loss_metrics: Keras metrics of the loss.
        name: Name of the layer.

    Call arguments:
        labels: `[B, 1]` or `[B]`, or what else the loss takes.
        predictions: `[B, 1]` or `[B]` floating point.
        sample_weight: `[B]` or None.
        training: Taken as TFRS's task takes it; nothing depends on it.
        compute_metrics: Whether the metrics are updated.

    Returns:
        What the loss returns: a float32 scalar, unless its reduction is "none".

    Raises:
        InvalidArgumentError: Where the loss is binary and a label, or a prediction that is no
            logit, lies outside [0, 1].

    `models.Model` reports its mean over an epoch; `models.MultiTask` trains several at once.

    Example:
        >>> task = Ranking(metrics=[keras.metrics.BinaryAccuracy()])
        >>> round(float(task(tf.constant([1.0, 0.0]), tf.constant([[0.9], [0.2]]))), 4)
        0.1643
    """

    def __init__(
        self,
        loss: Any = None,
        metrics: Any = None,
        prediction_metrics: Any = None,
        label_metrics: Any = None,
        loss_metrics: Any = None,
        name: str | None = None,
    ) -> None:
        # In mixed precision Keras would cast the first argument: a label of 70,000 is infinite.
        super().__init__(name=name, dtype="float32", autocast=False)
        self._loss = keras.losses.BinaryCrossentropy() if loss is None else loss
        # As `Model.compile` does: a mean over the replica's rows is a share of the whole mean.
        self._loss._allow_sum_over_batch_size = True
        self._ranking_metrics = _as_list(metrics)
        self._prediction_metrics = _as_list(prediction_metrics)
        self._label_metrics = _as_list(label_metrics)
        self._loss_metrics = _as_list(loss_metrics)

    def call(
        self,
        labels: tf.Tensor,
        predictions: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
        training: bool = False,
        compute_metrics: bool = True,
    ) -> tf.Tensor:
        """Returns the loss and updates the metrics."""
        labels, predictions = _as_columns(tf.identity(labels), tf.identity(predictions))
        if predictions.dtype in (tf.float16, tf.bfloat16):
            predictions = tf.cast(predictions, tf.float32)
        with tf.control_dependencies(self._checks(labels, predictions)):
            # Gradients are made of labels: no step is taken on wrong ones.
            labels = tf.identity(labels)
        loss = self._loss(y_true=labels, y_pred=predictions, sample_weight=sample_weight)
        updates = self._update(labels, predictions, sample_weight, loss) if compute_metrics else []
        # Custom metrics may answer with nothing.
        with tf.control_dependencies([update for update in updates if update is not None]):
            return loss / _replicas() if self._is_mean else tf.identity(loss)

    @property
    def _is_mean(self) -> bool:
        reductions = keras.losses.Reduction
        means = (reductions.AUTO, reductions.SUM_OVER_BATCH_SIZE)
        return getattr(self._loss, "reduction", None) in means

    def _checks(self, labels: tf.Tensor, predictions: tf.Tensor) -> list[tf.Operation]:
        if not isinstance(self._loss, _BINARY):
            return []
        mend = f"because the loss is {type(self._loss).__name__}"
        checks = [in_unit(labels, f"`labels` must be in [0, 1], {mend}, received from and to:")]
        if not self._loss.get_config().get("from_logits", False):
            message = f"`predictions` must be in [0, 1], {mend} of probabilities (for logits use "
            message += "`from_logits=True`), received from and to:"
            checks.append(in_unit(predictions, message))
        return checks

    def _update(
        self, labels: tf.Tensor, predictions: tf.Tensor, weight: tf.Tensor | None, loss: tf.Tensor
    ) -> list[Any]:
        updates = []
        for metric in self._ranking_metrics:
            updates.append(metric.update_state(labels, predictions, sample_weight=weight))
        for metric in self._prediction_metrics:
            updates.append(metric.update_state(predictions, sample_weight=weight))
        for metric in self._label_metrics:
            updates.append(metric.update_state(labels, sample_weight=weight))
        rows = tf.cast(tf.shape(predictions)[0], tf.float32)
        for metric in self._loss_metrics:
            weighs = isinstance(metric, keras.metrics.Mean) and self._is_mean
            updates.append(metric.update_state(loss, **({"sample_weight": rows} if weighs else {})))
        return updates

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, JSON-able."""
        lists = (
            self._ranking_metrics,
            self._prediction_metrics,
            self._label_metrics,
            self._loss_metrics,
        )
        metrics = {
            key: [keras.metrics.serialize(m) for m in part]
            for key, part in zip(_PARTS, lists, strict=True)
        }
        return {"name": self.name, "loss": keras.losses.serialize(self._loss), **metrics}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Ranking":
        """Builds the task that `get_config` described."""
        load = keras.metrics.deserialize  # Knows Keras's own in the format of SavedModels, too.
        metrics = {key: [load(metric) for metric in config[key]] for key in _PARTS}
        return cls(**{**config, **metrics, "loss": keras.losses.deserialize(config["loss"])})


def _as_list(metrics: Any) -> list[Any]:
    if metrics is None:
        return []
    return list(metrics) if isinstance(metrics, Sequence) else [metrics]


def _as_columns(labels: tf.Tensor, predictions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Makes one number a row `[B, 1]`: of `[B]`, Keras's losses take the mean before weights."""
    if predictions.shape.rank == 1:
        predictions = predictions[:, tf.newaxis]
    if labels.shape.rank == 1 and predictions.shape[1:] == [1]:
        labels = labels[:, tf.newaxis]
    return labels, predictions


def _replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync
