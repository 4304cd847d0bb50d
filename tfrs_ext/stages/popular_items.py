"""The generator of what everybody takes."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from tfrs_ext.ops.positions import is_in, keep_first
from tfrs_ext.stages.generator import Generator
from tfrs_ext.typing import TensorLike


class PopularItems(Generator):
    """Brings the items that occur most often, the same ones for every query.

    Args:
        item_counts: `[C]` how often each item occurs in training; equal counts come in the order
            of the items.
        count: How many items it brings for each query.
        source: What answers call it.

    Example:
        >>> generator = PopularItems([1, 5, 3], count=2)
        >>> generator({}, tf.constant([[-1], [1]])).numpy().tolist()
        [[1, 2], [2, 0]]
    """

    def __init__(self, item_counts: TensorLike, count: int = 50, source: str = "popular") -> None:
        counts = np.asarray(item_counts)
        if counts.ndim != 1 or not len(counts):
            raise ValueError(
                f"`item_counts` must have a number for each item, received shape {counts.shape}."
            )
        super().__init__(source, count, len(counts))
        order = np.argsort(-counts.astype(np.float64), kind="stable").astype(np.int32)
        with tf.device("CPU"):
            self._order = tf.Variable(order, trainable=False)

    def find(self, queries: Mapping[str, tf.Tensor], excluded: tf.Tensor) -> tf.Tensor:
        """Returns the positions of the most popular items."""
        shape = tf.shape(excluded)
        positions = tf.tile(self._order[: self.count + shape[1]][None], [shape[0], 1])
        scores = tf.zeros_like(positions, tf.float32)
        return keep_first(scores, positions, is_in(positions, excluded), self.count)[1]
