"""The retriever's score as something that the ranker reads."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext.stages.pair_score import PairScore
from tfrs_ext.stages.reading import columns_read, names_read
from tfrs_ext.typing import Embedder, TensorLike


class Affinity(PairScore):
    """A column of pairs: the inner product of a query's and an item's embeddings.

    The ranker must learn from rows that the tower hasn't learnt from: a tower scores the items of
    its own training rows higher than those of new rows, and a ranker that learns from such scores
    trusts them too much.

    Args:
        query_model: The query tower.
        embeddings: `[C, D]`, the items' embeddings by the tower of the same training.
        column: The name of the column, a `features.Numeric` of the ranker.

    Call arguments:
        queries: `{column: [B, ...]}`, what the tower reads.
        positions: `[B, M]` int32, not negative.

    Returns:
        `[B, M]` float32.

    Example:
        >>> affinity = Affinity(lambda columns, training: columns["taste"], [[1.0], [2.0]])
        >>> affinity({"taste": tf.constant([[3.0]])}, tf.constant([[1, 0]])).numpy().tolist()
        [[6.0, 3.0]]
    """

    def __init__(
        self, query_model: Embedder, embeddings: TensorLike, column: str = "affinity"
    ) -> None:
        super().__init__(column)
        table = tf.cast(tf.convert_to_tensor(embeddings), tf.float32)
        if table.shape.rank != 2:
            raise ValueError(f"`embeddings` must be [C, D], received shape={table.shape}.")
        self.query_model = query_model
        with tf.device("CPU"):
            self._embeddings = tf.Variable(table, trainable=False)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of queries that the tower reads, as far as it says so."""
        return names_read(self.query_model) or ()

    def __call__(self, queries: Mapping[str, tf.Tensor], positions: tf.Tensor) -> tf.Tensor:
        """Returns the inner products."""
        embedded = self.query_model(columns_read(self.query_model, queries), training=False)
        items = tf.gather(self._embeddings, positions)
        return tf.einsum("bd,bmd->bm", tf.cast(embedded, tf.float32), items)
