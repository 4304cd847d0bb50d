"""GAUC after each epoch: it needs the users' ids, which Keras doesn't hand to its metrics."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.metrics import GAUC


class UserAUC(keras.callbacks.Callback):
    """Puts the GAUC of a validation set into the logs.

    Args:
        data: Batches of `(columns, label)` or `(columns, label, sample_weight)`.
        user_id: The column that says whose row it is.
        metric: What is computed.
    """

    def __init__(self, data: tf.data.Dataset, user_id: str, metric: GAUC) -> None:
        super().__init__()
        self.data, self.user_id, self.metric = data, user_id, metric

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Traces the evaluation of this model anew."""
        self._update = tf.function(self._update_eagerly, reduce_retracing=True)

    def _update_eagerly(self, columns: Any, label: Any, sample_weight: Any = None) -> None:
        scores = self.model(columns, training=False)
        self.metric.update_state(label, scores, columns[self.user_id], sample_weight)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluates, and adds `val_gauc` to the logs."""
        self.metric.reset_state()
        for batch in self.data:
            self._update(*batch)
        if logs is not None:
            logs[f"val_{self.metric.name}"] = float(self.metric.result())
