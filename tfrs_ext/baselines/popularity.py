"""The baseline that every recommender has to beat."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.typing import TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class PopularityBaseline(Baseline):
    """Ranks candidates by how often they occur in the histories, alike for everybody.

    `score(query, c) = occurrences of c`.

    Args:
        num_candidates: C, how many candidates there are.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. Only their number matters.

    Returns:
        `[B, C]` float32.

    Relations:
        `ItemToItemBaseline` reads the query's history; `RandomBaseline` is chance.

    Example:
        >>> baseline = PopularityBaseline(3).adapt(tf.ragged.constant([[0, 2], [2]]))
        >>> baseline(tf.constant([[1]])).numpy().tolist()
        [[1.0, 0.0, 2.0]]
    """

    def __init__(self, num_candidates: int, **kwargs: Any) -> None:
        super().__init__(num_candidates, **kwargs)
        self._popularity = self.add_weight(
            name="popularity", shape=[num_candidates], initializer="zeros", trainable=False
        )

    def adapt(self, histories: TensorLike) -> "PopularityBaseline":
        """Counts; see `call` for the forms of `histories`."""
        self._popularity.assign(self._counts(histories))
        return self

    @property
    def shared_scores(self) -> tf.Tensor:
        """The scores of every query, `[C]` float32: `evaluation.evaluate_scores` reads them."""
        return tf.cast(self._popularity, tf.float32)

    def call(self, histories: TensorLike) -> tf.Tensor:
        """Returns scores `[B, C]`."""
        count, _, _ = self._pairs(histories)
        return tf.tile(self.shared_scores[tf.newaxis], [count, 1])
