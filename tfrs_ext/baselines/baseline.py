"""What the baselines share: histories in, a score for every candidate out."""

import abc
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import TensorLike


class Baseline(keras.layers.Layer, abc.ABC):
    """Scores all candidates for histories of positions, by statistics of other histories.

    Every baseline is evaluated in the same way, beside a model on the same queries:
    `evaluation.evaluate_scores(baseline, histories, positives, seen, num_candidates=C)`.

    Args:
        num_candidates: C, how many candidates there are.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding.

    Returns:
        `[B, C]` float32.
    """

    def __init__(self, num_candidates: int, **kwargs: Any) -> None:
        kwargs.setdefault("trainable", False)
        super().__init__(**kwargs)
        if num_candidates < 1:
            raise ValueError(
                f"`num_candidates` must be at least 1, received num_candidates={num_candidates}."
            )
        self.num_candidates = num_candidates

    @abc.abstractmethod
    def adapt(self, histories: TensorLike) -> "Baseline":
        """Learns from histories, in the forms that a call takes; returns itself."""

    @abc.abstractmethod
    def call(self, histories: TensorLike) -> tf.Tensor:
        """Returns scores `[B, C]`."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "num_candidates": self.num_candidates}

    def _pairs(self, histories: TensorLike) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the number of histories, and the query and the candidate of every entry."""
        if not isinstance(histories, tf.RaggedTensor):
            dense = tf.convert_to_tensor(histories)
            histories = tf.RaggedTensor.from_tensor(dense, ragged_rank=1)
        owners = tf.cast(histories.value_rowids(), tf.int32)
        positions = tf.cast(histories.values, tf.int32)
        real = positions >= 0
        count = tf.cast(histories.nrows(), tf.int32)
        return count, tf.boolean_mask(owners, real), tf.boolean_mask(positions, real)

    def _counts(self, histories: TensorLike) -> tf.Tensor:
        """Returns how often each candidate occurs `[C]` float32."""
        _, _, positions = self._pairs(histories)
        ones = tf.ones_like(positions, tf.float32)
        return tf.math.unsorted_segment_sum(ones, positions, self.num_candidates)
