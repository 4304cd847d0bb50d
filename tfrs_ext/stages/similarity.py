"""How much an item is like a user's latest items, as something that the ranker reads."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext.stages.pair_score import PairScore
from tfrs_ext.stages.similar_items import SimilarItems


class Similarity(PairScore):
    """A column of pairs: `log(1 + score)` with the score by which `SimilarItems` orders items.

    Args:
        generator: The generator with the neighbours of items.
        column: The name of the column, a `features.Numeric` of the ranker.

    Call arguments:
        queries: `{column: [B, ...]}`, the history among them.
        positions: `[B, M]` int32, not negative.

    Returns:
        `[B, M]` float32; 0 for an item that is like none of the latest.

    Example:
        >>> generator = SimilarItems([7, 8, 9], [[1], [2], [1]], [[0.5], [0.4], [0.3]], count=2)
        >>> similarity = Similarity(generator)
        >>> history = {"history": tf.constant([[-1, 7, 8]])}
        >>> similarity(history, tf.constant([[0, 1, 2]])).numpy().round(3)
        array([[0.   , 0.405, 0.336]], dtype=float32)
    """

    def __init__(self, generator: SimilarItems, column: str = "similarity") -> None:
        super().__init__(column)
        self.generator = generator

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of the column with the history."""
        return self.generator.columns

    def __call__(self, queries: Mapping[str, tf.Tensor], positions: tf.Tensor) -> tf.Tensor:
        """Returns the logarithms."""
        return tf.math.log1p(self.generator.score(queries, positions))
