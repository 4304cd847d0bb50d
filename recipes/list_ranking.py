"""The ranker of `recipes.two_stage` as a function of its hyper-parameters: it learns from lists."""

from typing import Any

import keras_tuner
import tensorflow as tf

from tfrs_ext import losses, models, tuning
from tfrs_ext.typing import HyperParameters

_LEAST = 1e-7


class ListRanking(tuning.RankingHyperModel):
    """Teaches a ranking model to put the item that was taken first in its list.

    The loss is the softmax over the list, and the mean cross-entropy of its pairs: the softmax
    alone would leave open how high the scores of a list are, on which rules depend.

    Pair by pair, a ranker learns most from what separates plausible items from others, which the
    first stage has already done; list by list, from what separates them from each other.

    Args:
        list_size: How many rows of a batch make one list, the item that was taken among them.
        **arguments: Those of `tuning.RankingHyperModel`.
    """

    def __init__(self, list_size: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.list_size = list_size
        self.objective = keras_tuner.Objective("val_mrr", "max")

    def build(self, hp: HyperParameters) -> models.RankingModel:
        """Returns a model that is compiled with the softmax of lists and the reciprocal rank."""
        model, softmax = super().build(hp), losses.ListSoftmax(reduction="none")

        def loss(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
            labels, predictions = self._lists(labels), self._lists(predictions)
            pairs = tf.keras.losses.binary_crossentropy(labels, predictions)
            return softmax(labels, _logits(predictions)) + pairs

        def reciprocal_rank(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
            taken, scores = self._lists(labels) > 0, self._lists(predictions)
            own = tf.reduce_max(tf.where(taken, scores, 0.0), axis=1, keepdims=True)
            rank = tf.reduce_sum(tf.cast(scores >= own, tf.float32), axis=1)
            return 1.0 / tf.maximum(rank, 1.0)

        metric = tf.keras.metrics.MeanMetricWrapper(reciprocal_rank, name="mrr")
        model.compile(model.optimizer, loss, metrics=[metric])
        return model

    def _lists(self, column: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.cast(column, tf.float32), [-1, self.list_size])


def _logits(probabilities: tf.Tensor) -> tf.Tensor:
    probabilities = tf.clip_by_value(probabilities, _LEAST, 1 - _LEAST)
    return tf.math.log(probabilities) - tf.math.log1p(-probabilities)
