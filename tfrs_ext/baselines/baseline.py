"""What the baselines share: histories in, a score for every candidate out."""

import abc
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import TensorLike


class Baseline(keras.layers.Layer, abc.ABC):
    """Scores all candidates for histories of row numbers, by statistics of other histories.

    Every baseline is evaluated in the same way, beside a model on the same queries:
    `evaluation.evaluate_scores(baseline, histories, positives, seen, num_candidates=C)`.

    Args:
        candidates: C, how many candidates there are.

    Call arguments:
        histories: Row numbers of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding.

    Returns:
        `[B, C]` float32.
    """

    def __init__(self, candidates: int, **kwargs: Any) -> None:
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        if candidates < 1:
            raise ValueError(f"`candidates` must be at least 1, received candidates={candidates}.")
        self.candidates = candidates

    @abc.abstractmethod
    def adapt(self, histories: TensorLike) -> "Baseline":
        """Learns from histories, in the forms that a call takes; returns itself."""

    @abc.abstractmethod
    def call(self, histories: TensorLike) -> tf.Tensor:
        """Returns scores `[B, C]`."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "candidates": self.candidates}

    def _pairs(self, histories: TensorLike) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the number of histories, and the query and the candidate of every entry."""
        if not isinstance(histories, tf.RaggedTensor):
            dense = tf.convert_to_tensor(histories)
            histories = tf.RaggedTensor.from_tensor(dense, ragged_rank=1)
        owners = tf.cast(histories.value_rowids(), tf.int32)
        rows = tf.cast(histories.values, tf.int32)
        real = rows >= 0
        count = tf.cast(histories.nrows(), tf.int32)
        return count, tf.boolean_mask(owners, real), tf.boolean_mask(rows, real)

    def _counts(self, histories: TensorLike) -> tf.Tensor:
        """Returns how often each candidate occurs `[C]` float32."""
        _, _, rows = self._pairs(histories)
        ones = tf.ones_like(rows, tf.float32)
        return tf.math.unsorted_segment_sum(ones, rows, self.candidates)
