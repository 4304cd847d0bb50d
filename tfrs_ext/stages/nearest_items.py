"""The generator that asks a retriever's index."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext.indexes import Index
from tfrs_ext.stages.generator import Generator
from tfrs_ext.stages.reading import columns_read, names_read
from tfrs_ext.typing import Embedder


class NearestItems(Generator):
    """Brings the items of largest score by a query tower and an index.

    Args:
        query_model: The query tower.
        index: An index over the items' embeddings, in the order of the items.
        count: How many items it brings for each query.
        source: What answers call it.

    Relations:
        `PopularItems` and `SimilarItems` know items that a tower has learnt little of.

    Example:
        >>> from tfrs_ext.indexes import Exact
        >>> index = Exact().index([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> generator = NearestItems(lambda columns, training: columns["taste"], index, count=2)
        >>> generator({"taste": tf.constant([[2.0, 1.0]])}, tf.constant([[0]])).numpy().tolist()
        [[2, 1]]
    """

    def __init__(
        self, query_model: Embedder, index: Index, count: int = 200, source: str = "tower"
    ) -> None:
        super().__init__(source, count, index.num_candidates)
        self.query_model, self.index = query_model, index
        self.op_namespaces, self.op_library = index.op_namespaces, index.op_library()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that the tower reads."""
        return names_read(self.query_model) or ()

    def find(self, queries: Mapping[str, tf.Tensor], excluded: tf.Tensor) -> tf.Tensor:
        """Returns the positions of the nearest items."""
        embeddings = self.query_model(columns_read(self.query_model, queries), training=False)
        return self.index.search(embeddings, self.count, excluded)[1]
