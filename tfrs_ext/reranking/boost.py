"""The rule that lifts or lowers chosen items."""

import tensorflow as tf

from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.reranking.rule import Asked, Rule, keep_table, scale
from tfrs_ext.typing import TensorLike


class Boost(Rule):
    """Multiplies the scores of items by factors, and sorts anew.

    `score * factor`, or `score / factor` where the score is negative, so that a factor above 1
    lifts an item whatever its score is.

    Args:
        factors: `[C]` float32, > 0, one for each item; 1 changes nothing.
        reason: What answers say of an item with a factor above 1.

    Example:
        >>> ranked = Ranked(*map(tf.constant, ([[0.3, 0.2]], [[0, 1]], [[1, 1]])))
        >>> Boost([1.0, 2.0])(ranked, {}, 2).positions.numpy().tolist()
        [[1, 0]]
    """

    def __init__(self, factors: TensorLike, reason: str = "boosted") -> None:
        super().__init__(name="boost")
        self._factors = keep_table(factors, tf.float32, 1, "factors")
        if not bool(tf.reduce_all(self._factors > 0)):
            lowest = float(tf.reduce_min(self._factors))
            raise ValueError(f"`factors` must be greater than 0, received {lowest}.")
        self.num_items, self.reason = int(self._factors.shape[0]), reason

    def __call__(self, ranked: Ranked, request: Asked, k: tf.Tensor) -> Ranked:
        """Returns the lists by the new scores."""
        return ranked.with_scores(scale(ranked.scores, ranked.look_up(self._factors, 1.0)))

    def explains(self, positions: tf.Tensor) -> tf.Tensor:
        """Returns which items have a factor above 1."""
        return Ranked(positions, positions, positions).look_up(self._factors, 1.0) > 1
