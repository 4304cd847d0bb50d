"""Columns held in memory as batches for Keras, and weights averaged over steps at each epoch."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from scipy import stats

Columns = Mapping[str, np.ndarray]


def batches(
    columns: Columns, labels: np.ndarray, size: int, seed: int | None = None
) -> tf.data.Dataset:
    """Returns batches `(columns, label)`; with a seed, every epoch has a fresh order."""
    whole = {name: tf.constant(column) for name, column in columns.items()}
    target = tf.constant(labels, tf.float32)
    rows = tf.data.Dataset.range(len(labels))
    if seed is not None:
        rows = rows.shuffle(len(labels), seed=seed)

    @tf.autograph.experimental.do_not_convert
    def gather(chosen: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        batch = {name: tf.gather(column, chosen) for name, column in whole.items()}
        return batch, tf.gather(target, chosen)

    rows = rows.batch(size, drop_remainder=seed is not None)
    return rows.map(gather).prefetch(2)


def select(columns: Columns, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Returns some rows of all columns."""
    return {name: column[rows] for name, column in columns.items()}


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Returns the share of pairs in which the positive stands above, ties counting a half."""
    positives = labels > 0.5
    wins = stats.rankdata(scores)[positives].sum() - positives.sum() * (positives.sum() + 1) / 2
    return float(wins / (positives.sum() * (~positives).sum()))


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Returns the mean cross-entropy."""
    chosen = np.where(labels > 0.5, probabilities, 1 - probabilities.astype(np.float64))
    return float(-np.log(np.maximum(chosen, 1e-7)).mean())


class AtEpochEnd(tf.keras.callbacks.Callback):
    """Calls a function after every epoch, with the averaged weights where the optimizer has them.

    Args:
        call: Of the model, returns what is kept.

    Attributes:
        kept: What was returned, epoch by epoch.
        weights: The model's weights at these moments.
    """

    def __init__(self, call: Callable[[Any], dict[str, float]]) -> None:
        super().__init__()
        self.call = call
        self.kept: list[dict[str, float]] = []
        self.weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keeps what the function says, and puts the weights of training back."""
        raw = self.model.get_weights()
        self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
        self.kept.append(self.call(self.model))
        self.weights.append(self.model.get_weights())
        self.model.set_weights(raw)

    def restore_best(self, name: str) -> int:
        """Gives the model the weights of the epoch with the highest `name`; returns it, from 1."""
        best = int(np.argmax([kept[name] for kept in self.kept]))
        self.model.set_weights(self.weights[best])
        return best + 1
