"""What the generators share: some hundreds of items for each query, for a ranker to look at."""

import abc
from collections.abc import Mapping

import tensorflow as tf


class Generator(tf.Module, abc.ABC):
    """Brings items that a ranker should look at, the most promising first.

    Several generators make one list in `TwoStage`. A subclass implements `find`, in TensorFlow
    alone, so that it is exported with the rest.

    Args:
        source: What answers call it, as the reason why an item is shown.
        count: How many items it brings for each query; all C where there are fewer.
        num_items: C, the number of items.

    Call arguments:
        queries: `{column: [B, ...]}`, what models read of users.
        excluded: `[B, E]` int32 positions that are left out; -1 leaves out nothing. E is 1 or more.

    Returns:
        `[B, min(count, C)]` int32 positions, each at most once in a row, -1 at the end where too
        few were found.

    Raises:
        ValueError: `count` isn't positive.
    """

    op_namespaces: tuple[str, ...] = ()
    """The namespaces of custom operations in its graph, as an index has them."""
    op_library: str | None = None
    """The library of these operations."""

    def __init__(self, source: str, count: int, num_items: int) -> None:
        super().__init__(name="generator")
        if count < 1:
            raise ValueError(f"`count` must be a positive integer, received count={count}.")
        self.source, self.num_items = source, num_items
        self.count = min(count, num_items)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of queries that it reads, as far as it says so."""
        return ()

    @abc.abstractmethod
    def find(self, queries: Mapping[str, tf.Tensor], excluded: tf.Tensor) -> tf.Tensor:
        """Returns what a call returns, of at most `count` columns."""

    def __call__(self, queries: Mapping[str, tf.Tensor], excluded: tf.Tensor) -> tf.Tensor:
        """Returns the positions of the items for each query."""
        found = self.find(queries, excluded)[:, : self.count]
        lacking = self.count - tf.shape(found)[1]
        found = tf.pad(found, [[0, 0], [0, lacking]], constant_values=-1)
        return tf.ensure_shape(found, [None, self.count])
