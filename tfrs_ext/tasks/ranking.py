"""A drop-in for `tfrs.tasks.Ranking` that checks labels and works on several replicas."""

from collections.abc import Callable, Sequence
from typing import Union

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras
from tfrs_ext.ops.checks import check_same_rows, in_unit
from tfrs_ext.ops.missing_labels import fill_missing, find_labelled_rows, weigh_labelled
from tfrs_ext.ops.replicas import count_all_rows
from tfrs_ext.typing import Config, TensorLike, Training

Loss = Union[keras.losses.Loss, Callable[..., tf.Tensor]]
Metrics = Union[keras.metrics.Metric, Sequence[keras.metrics.Metric], None]

_BINARY = (keras.losses.BinaryCrossentropy, keras.losses.BinaryFocalCrossentropy)
_PARTS = ("metrics", "prediction_metrics", "label_metrics", "loss_metrics")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Ranking(keras.layers.Layer, tfrs.tasks.Task):
    """Trains a model to predict a label of each row: a click, a rating, a watch time.

    Takes the arguments of `tfrs.tasks.Ranking` and gives the same values. What differs:

    - Labels and probabilities outside [0, 1] are an error for a binary loss; Keras follows the
      ones and clips the others. A rounding beyond 0 or 1 is none. Labels may be booleans.
    - Rows `[B]` can be weighted, be it labels, predictions or both that are no columns. They are
      rows for a reduction, too: of labels `[B]` and predictions `[B, 1]` the sum is that of `B`
      losses and "none" gives `[B]`, where TFRS's task takes the mean of all rows in both cases.
    - Rows without a label can be left out: their labels are NaN (`skip_missing_labels`) or masked
      (`label_mask`). A mean loss is then the mean over the rows that have one.
    - In mixed precision labels are not cast to float16, and the loss is float32.
    - A mean loss works on several replicas, each of which returns its share.
    - `loss_metrics` that are means weigh a batch by its rows, so that a small last batch counts
      for what it is.
    - The task has a configuration, from which it can be loaded.

    Args:
        loss: Any Keras loss of labels and predictions, or a function or method of `y_true`,
            `y_pred` and `sample_weight`; None for `BinaryCrossentropy`, the mean over the batch.
        metrics: Keras metrics of labels and predictions, a list or one.
        prediction_metrics: Keras metrics of the predictions.
        label_metrics: Keras metrics of the labels.
        loss_metrics: Keras metrics of the loss.
        name: The name of the layer.
        skip_missing_labels: Whether a label of NaN means that the row has none, and takes no part
            in the loss and in the metrics of labels. False gives a loss of NaN.

    Call arguments:
        labels: `[B, 1]` or `[B]`, or what else the loss takes.
        predictions: `[B, 1]` or `[B]` floating point.
        sample_weight: `[B]` or `[B, 1]`, the weights of the rows, or None for equal weights.
        training: Taken as TFRS's task takes it; nothing depends on it.
        compute_metrics: Whether the metrics are updated.
        label_mask: `[B]` boolean, True for the rows that have a label, or None where all have one.

    Returns:
        What the loss returns: a float32 scalar, unless its reduction is "none".

    Raises:
        InvalidArgumentError: Where the loss is binary and a label, or a prediction that is no
            logit, lies outside [0, 1].

    Relations:
        `models.Model` reports its mean over an epoch; `models.MultiTask` trains several at once.

    Example:
        >>> task = Ranking(metrics=[keras.metrics.BinaryAccuracy()])
        >>> round(float(task(tf.constant([1.0, 0.0]), tf.constant([[0.9], [0.2]]))), 4)
        0.1643
    """

    def __init__(
        self,
        loss: Loss | None = None,
        metrics: Metrics = None,
        prediction_metrics: Metrics = None,
        label_metrics: Metrics = None,
        loss_metrics: Metrics = None,
        name: str | None = None,
        *,
        skip_missing_labels: bool = False,
    ) -> None:
        # In mixed precision Keras would cast the first argument: a label of 70,000 is infinite.
        super().__init__(name=name, dtype="float32", autocast=False)
        self._loss = keras.losses.BinaryCrossentropy() if loss is None else loss
        if not callable(self._loss):
            raise ValueError(
                "`loss` must be a Keras loss or a function, such as `keras.losses."
                f"MeanSquaredError()`, received {self._loss!r}."
            )
        if isinstance(self._loss, keras.losses.Loss):
            # As `Model.compile` does: a mean over the replica's rows is a share of the whole mean.
            self._loss._allow_sum_over_batch_size = True
        self.skip_missing_labels = skip_missing_labels
        self._ranking_metrics = _as_list(metrics)
        self._prediction_metrics = _as_list(prediction_metrics)
        self._label_metrics = _as_list(label_metrics)
        self._loss_metrics = _as_list(loss_metrics)

    def call(
        self,
        labels: TensorLike,
        predictions: TensorLike,
        sample_weight: TensorLike | None = None,
        training: Training = False,
        compute_metrics: bool = True,
        *,
        label_mask: TensorLike | None = None,
    ) -> tf.Tensor:
        """Returns the loss and updates the metrics."""
        labels, predictions = _as_columns(tf.identity(labels), tf.identity(predictions))
        check_same_rows(labels, predictions, "`labels` and `predictions` must be of the same rows")
        rows = find_labelled_rows(labels, label_mask, self.skip_missing_labels)
        labels, weights = fill_missing(labels, rows), weigh_labelled(sample_weight, rows)
        with tf.control_dependencies(self._make_checks(labels, predictions)):
            # Gradients are made of labels: no step is taken on wrong ones.
            labels = tf.identity(labels)
        if labels.dtype == tf.bool:
            labels = tf.cast(labels, tf.float32)
        if predictions.dtype in (tf.float16, tf.bfloat16):
            predictions = tf.cast(predictions, tf.float32)
        loss = self._loss(y_true=labels, y_pred=predictions, sample_weight=weights)
        number = tf.cast(tf.shape(predictions)[0], tf.float32)
        if rows is not None:
            labelled = tf.reduce_sum(tf.cast(rows, tf.float32))
            loss *= tf.math.divide_no_nan(number, labelled) if self._is_mean else 1.0
            number = labelled
        updates: list[tf.Tensor | None] = []
        if compute_metrics:
            updates = self._update(labels, predictions, sample_weight, weights)
            updates += self._update_losses(loss, number)
        # Custom metrics may answer with nothing.
        with tf.control_dependencies([update for update in updates if update is not None]):
            # A mean is this replica's share of the mean over the labels of all replicas.
            share = number / tf.maximum(count_all_rows(number), 1.0) if self._is_mean else 1.0
            return loss * tf.cast(share, loss.dtype)

    @property
    def _is_mean(self) -> bool:
        reductions = keras.losses.Reduction
        means = (reductions.AUTO, reductions.SUM_OVER_BATCH_SIZE)
        return getattr(self._loss, "reduction", None) in means

    def _make_checks(self, labels: tf.Tensor, predictions: tf.Tensor) -> list[tf.Operation]:
        if not isinstance(self._loss, _BINARY):
            _check_numbers(labels=labels, predictions=predictions)
            return []
        mend = f"because the loss is {type(self._loss).__name__}"
        checks = [in_unit(labels, f"`labels` must be in [0, 1], {mend}, received from and to:")]
        if not self._loss.get_config().get("from_logits", False):
            message = f"`predictions` must be in [0, 1], {mend} of probabilities (for logits use "
            message += "`from_logits=True`), received from and to:"
            checks.append(in_unit(predictions, message))
        return checks

    def _update(
        self,
        labels: tf.Tensor,
        predictions: tf.Tensor,
        weight: TensorLike | None,
        weight_of_labelled: TensorLike | None,
    ) -> list[tf.Tensor | None]:
        updates = []
        for metric in self._ranking_metrics:
            updates.append(
                metric.update_state(labels, predictions, sample_weight=weight_of_labelled)
            )
        for metric in self._prediction_metrics:
            updates.append(metric.update_state(predictions, sample_weight=weight))
        for metric in self._label_metrics:
            updates.append(metric.update_state(labels, sample_weight=weight_of_labelled))
        return updates

    def _update_losses(self, loss: tf.Tensor, number: tf.Tensor) -> list[tf.Tensor | None]:
        updates = []
        for metric in self._loss_metrics:
            weighs = isinstance(metric, keras.metrics.Mean) and self._is_mean
            options = {"sample_weight": number} if weighs else {}
            updates.append(metric.update_state(loss, **options))
        return updates

    def get_config(self) -> Config:
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
        return {
            "name": self.name,
            "loss": keras.losses.serialize(self._loss),
            "skip_missing_labels": self.skip_missing_labels,
            **metrics,
        }

    @classmethod
    def from_config(cls, config: Config) -> "Ranking":
        """Builds the task that `get_config` described."""
        load = keras.metrics.deserialize  # Knows Keras's own in the format of SavedModels, too.
        metrics = {key: [load(metric) for metric in config[key]] for key in _PARTS}
        return cls(**{**config, **metrics, "loss": keras.losses.deserialize(config["loss"])})


def _as_list(metrics: Metrics) -> list[keras.metrics.Metric]:
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


def _check_numbers(**tensors: tf.Tensor) -> None:
    for name, values in tensors.items():
        if values.dtype == tf.string:
            raise ValueError(f"`{name}` must be numbers, received strings: code them as numbers.")
