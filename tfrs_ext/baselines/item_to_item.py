"""The nearest-neighbour baseline: what goes together with the history."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.co_occurrence import nearest_by_cosine
from tfrs_ext.baselines.neighbor_baseline import NeighborBaseline
from tfrs_ext.baselines.sparse_rows import SparseRows
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog
from tfrs_ext.typing import TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class ItemToItemBaseline(NeighborBaseline):
    """Ranks candidates by the cosine of co-occurrence with the history's, nearest neighbours only.

    `score(query, c) = Σ_{h in history} |h and c| / (sqrt(|h| |c|) + shrinkage)`, where |h| counts
    the histories that hold h, and the sum keeps the `neighbors` most similar candidates of each h.
    A candidate is no neighbour of itself; of equal neighbours the smaller position is kept.
    Candidates that are nobody's neighbour follow by popularity, with scores in [-1, 0).

    Args:
        num_candidates: The number of candidates, C.
        neighbors: The number of neighbours of each candidate that are kept; memory is at most
            `8 C neighbors` bytes.
        shrinkage: What makes similarities small that few histories bear witness to, >= 0.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. A candidate counts once in a history.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: `neighbors` is below 1, or `shrinkage` below 0.

    Relations:
        `SuccessorBaseline` knows the order of the history, `UserToItemBaseline` compares users,
        `EASE` learns the weights. A model that loses to this one has learned less than counting
        does.

    Example:
        >>> baseline = ItemToItemBaseline(4).fit(tf.ragged.constant([[0, 1], [0, 1, 2], [3]]))
        >>> [round(score, 3) for score in baseline(tf.constant([[0, 0]])).numpy()[0].tolist()]
        [-0.333, 1.0, 0.707, -0.667]

    References:
        Sarwar et al.: Item-Based Collaborative Filtering Recommendation Algorithms, WWW 2001.
        Deshpande and Karypis: Item-Based Top-N Recommendation Algorithms, TOIS 2004.
    """

    def __init__(
        self, num_candidates: int, neighbors: int = 100, shrinkage: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(num_candidates, neighbors, shrinkage, **kwargs)
        self._neighbors = SparseRows(name="neighbors")

    def _learn(self, log: TrainingLog) -> None:
        size = self.num_candidates
        pairs = log.taken.distinct(size)
        columns, values = nearest_by_cosine(
            pairs.owners.numpy(),
            pairs.positions.numpy(),
            int(log.taken.count),
            size,
            min(self.neighbors, size),
            self.shrinkage,
        )
        rows, places = np.nonzero(values)
        self._neighbors.assign(rows, columns[rows, places], values[rows, places], size)

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        asked = queries.distinct(self.num_candidates)
        return self._popular_where_unknown(self._neighbors.add_up(asked, None, self.num_candidates))
