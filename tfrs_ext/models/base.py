"""The training loop that TFRS models share, with losses that mean something."""

from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras
from tfrs_ext.tasks import Retrieval


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Model(tfrs.Model):
    """A `tfrs.Model` that reports epoch means and trains in mixed precision.

    Implement `compute_loss(inputs, training)` as for `tfrs.Model`, which this class replaces line
    for line. TFRS reports the loss of the last batch as that of the epoch, and doesn't scale the
    loss under a `LossScaleOptimizer`; here `loss`, `regularization_loss` and `total_loss` are
    means over the batches of the epoch, weighted by the batches' sizes. Metrics that a
    `tasks.Retrieval` doesn't compute in a step, as those over the corpus in training, aren't
    reported for it; TFRS reports them as 0.

    Example:
        >>> class Constant(Model):
        ...     def compute_loss(self, inputs, training=False):
        ...         return tf.reduce_mean(inputs)
        >>> model = Constant()
        >>> model.compile()
        >>> round(model.evaluate(tf.constant([1.0, 2.0, 6.0]), batch_size=2, verbose=0)[0], 3)
        3.0
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = ("loss", "regularization_loss", "total_loss")
        self._loss_trackers = [keras.metrics.Mean(name=name) for name in names]

    @property
    def metrics(self) -> list[Any]:
        """The metrics of the model and its layers, less the losses of models inside of it."""
        layers = self._flatten_layers(include_self=False)
        inner = [t for layer in layers if isinstance(layer, Model) for t in layer._loss_trackers]
        return [metric for metric in super().metrics if not any(metric is t for t in inner)]

    def train_step(self, inputs: Any) -> dict[str, tf.Tensor]:
        """Takes one step of training and returns the metrics so far."""
        with tf.GradientTape() as tape:
            loss, regularization, total = self._compute_losses(inputs, training=True)
        # `minimize` scales the loss where the optimizer is a `LossScaleOptimizer`.
        self.optimizer.minimize(total, self.trainable_variables, tape=tape)
        return self._report(inputs, loss, regularization, total)

    def test_step(self, inputs: Any) -> dict[str, tf.Tensor]:
        """Evaluates one batch and returns the metrics so far."""
        return self._report(inputs, *self._compute_losses(inputs, training=False))

    def _compute_losses(
        self, inputs: Any, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        loss = tf.cast(self.compute_loss(inputs, training=training), tf.float32)
        terms = [tf.reduce_sum(tf.cast(term, tf.float32)) for term in self.losses]
        regularization = tf.add_n(terms) if terms else tf.constant(0.0)
        # Gradients are summed over replicas: each pays its share of the regularization.
        regularization /= _num_replicas()
        return loss, regularization, loss + regularization

    def _report(self, inputs: Any, *losses: tf.Tensor) -> dict[str, tf.Tensor]:
        for tracker, value in zip(self._loss_trackers, losses, strict=True):
            self._track(tracker, value, inputs)
        tasks = [layer for layer in self._flatten_layers() if isinstance(layer, Retrieval)]
        idle = {id(metric) for task in tasks for metric in task.idle_metrics}
        return {metric.name: metric.result() for metric in self.metrics if id(metric) not in idle}

    def _track(self, tracker: Any, loss: tf.Tensor, inputs: Any) -> None:
        rows = tf.cast(tf.shape(tf.nest.flatten(inputs)[0])[0], tf.float32)
        tracker.update_state(loss * _num_replicas(), sample_weight=rows)


def _num_replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync
