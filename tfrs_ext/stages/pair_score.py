"""What the first stage knows of a query and an item together, as a column for the ranker."""

import abc
from collections.abc import Mapping

import tensorflow as tf


class PairScore(tf.Module, abc.ABC):
    """A number for each pair of a query and an item, which a ranker reads as a column.

    A ranker that reads how each generator sees a pair starts from their orders instead of from
    nothing. The number is there for every item, whichever generator brought it. A subclass
    implements the call, in TensorFlow alone, so that it is exported with the rest.

    Args:
        column: The name of the column, a `features.Numeric` of the ranker.

    Call arguments:
        queries: `{column: [B, ...]}`.
        positions: `[B, M]` int32, not negative.

    Returns:
        `[B, M]` float32.

    Relations:
        `Affinity` is the score of a tower, `Similarity` that of items like the latest ones. What
        depends on the item alone, such as how popular it is, is a column of `ItemRanker`'s items.
    """

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of queries that it reads, as far as it says so."""
        return ()

    @abc.abstractmethod
    def __call__(self, queries: Mapping[str, tf.Tensor], positions: tf.Tensor) -> tf.Tensor:
        """Returns the numbers of the pairs."""
