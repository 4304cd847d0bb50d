"""The items' distribution as counted once in the training data."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.ops.hashing import fingerprint, lookup
from tfrs_ext.ops.tables import check_counts, check_ids, check_same_kind
from tfrs_ext.typing import Config, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CountedFrequency(keras.layers.Layer):
    """Log-probability of items, from counts: `log(count / sum of counts)`.

    An id that was never counted (absent from `ids`, or counted 0 times) gets
    `log(unseen_count / sum of counts)`: logQ stays finite, and such an item counts as rare.
    The table is saved with the model, in its configuration and its weights.

    Args:
        ids: `[M]` integers or strings, unique: the items.
        counts: `[M]` numbers ≥ 0: how often each occurs in the training data.
        unseen_count: The count, > 0, that stands for an id that was never counted.

    Call arguments:
        ids: `[B]` int32, int64 (where the layer's `ids` are integers) or string.

    Returns:
        `[B]` float32, the natural logarithm of the probability that one row of the training data
        is this item.

    Raises:
        ValueError: Where the lengths differ, there are no ids, ids repeat, or a count is negative
            or not finite.

    Relations:
        `StreamingFrequency` is for items that come and go, or whose popularity shifts, while the
        model trains.

    Example:
        >>> frequency = tfrs_ext.frequencies.CountedFrequency(["a", "b"], [30, 10])
        >>> np.exp(frequency(tf.constant(["b", "a", "new"])))
        array([0.25 , 0.75 , 0.025], dtype=float32)

        With the interactions in an array: `CountedFrequency(*np.unique(x, return_counts=True))`.

    References:
        Bengio and Senécal, "Quick Training of Probabilistic Neural Nets by Importance Sampling",
        AISTATS 2003.
    """

    def __init__(
        self, ids: TensorLike, counts: TensorLike, unseen_count: float = 1.0, **kwargs: Any
    ) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not unseen_count > 0:
            raise ValueError(f"`unseen_count` must be > 0, received unseen_count={unseen_count}.")
        self.ids = check_ids(ids, "ids")
        self.counts = check_counts(counts, len(self.ids))
        self.unseen_count = float(unseen_count)
        total = float(self.counts.sum())
        if not total > 0:
            raise ValueError(f"`counts` must hold a count > 0, received a sum of {total}.")
        self._unseen = float(np.log(self.unseen_count / total))
        with tf.init_scope():
            keys = fingerprint(self.ids).numpy()
        order = np.argsort(keys)
        seen = np.where(self.counts > 0, self.counts, self.unseen_count)
        self.keys = self._table("keys", keys[order], tf.int64)
        self.log_probability = self._table("log_probability", np.log(seen / total)[order])

    def _table(self, name: str, value: np.ndarray, dtype: tf.DType = tf.float32) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=value.shape,
            dtype=dtype,
            initializer=lambda *_, **__: tf.cast(value, dtype),
            trainable=False,
            experimental_autocast=False,
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the log-probabilities of `ids`."""
        check_same_kind(ids, self.ids)
        rows, known = lookup(fingerprint(ids), self.keys)
        return tf.where(known, tf.gather(self.log_probability, rows), self._unseen)

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "ids": self.ids.tolist(),
            "counts": self.counts.tolist(),
            "unseen_count": self.unseen_count,
        }
