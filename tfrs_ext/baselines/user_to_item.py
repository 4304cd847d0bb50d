"""What the most similar users took."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.neighbor_baseline import NeighborBaseline
from tfrs_ext.baselines.search import best_in_blocks
from tfrs_ext.baselines.sparse_rows import SparseRows, growing
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog
from tfrs_ext.typing import TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class UserToItemBaseline(NeighborBaseline):
    """Ranks candidates by the users most similar to the query's who took them.

    `score(query, c) = Σ_u [u took c] |query and u| / (sqrt(|query| |u|) + shrinkage)` over the
    `neighbors` users of the largest such similarity, where |u| counts the different items that u
    took. Candidates that none of them took follow by popularity, with scores in [-1, 0). A user of
    the training part is a neighbour of their own, which tells nothing that seen items don't.

    The histories of all users are kept: the memory is 16 bytes an entry, and exports hold them.

    Args:
        num_candidates: The number of candidates, C.
        neighbors: The number of users that are asked.
        shrinkage: What makes similarities small that few items bear witness to, >= 0.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. A candidate counts once in a history.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: `neighbors` is below 1, or `shrinkage` below 0.

    Relations:
        `ItemToItemBaseline` compares items, whose number grows more slowly, and needs no histories
        of others when it answers.

    Example:
        >>> baseline = UserToItemBaseline(4, neighbors=2)
        >>> _ = baseline.fit(tf.ragged.constant([[0, 1], [0, 1, 2], [3]]))
        >>> [round(score, 3) for score in baseline(tf.constant([[0]])).numpy()[0].tolist()]
        [1.284, 1.284, 0.577, -0.667]

    References:
        Herlocker, Konstan, Borchers and Riedl: An Algorithmic Framework for Performing
        Collaborative Filtering, SIGIR 1999.
    """

    def __init__(
        self, num_candidates: int, neighbors: int = 100, shrinkage: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(num_candidates, neighbors, shrinkage, **kwargs)
        self._takers, self._taken = SparseRows(name="takers"), SparseRows(name="taken")
        self._sizes = growing("sizes", tf.float32)

    def _learn(self, log: TrainingLog) -> None:
        pairs, users = log.taken.distinct(self.num_candidates), int(log.taken.count)
        owners, positions = pairs.owners.numpy(), pairs.positions.numpy()
        ones = np.ones(len(owners), np.float32)
        self._takers.assign(positions, owners, ones, self.num_candidates)
        self._taken.assign(owners, positions, ones, users)
        self._sizes.assign(np.bincount(owners, minlength=users).astype(np.float32))

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        asked = queries.distinct(self.num_candidates)
        similarities, users = self._nearest(asked)
        is_near = similarities > 0
        owners = tf.cast(tf.where(is_near)[:, 0], tf.int32)
        near = TakenItems(asked.count, owners, tf.boolean_mask(users, is_near))
        weights = tf.boolean_mask(similarities, is_near)
        scores = self._taken.add_up(near, weights, self.num_candidates)
        return self._popular_where_unknown(scores)

    def _nearest(self, asked: TakenItems) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns similarities and numbers of the most similar users, `[B, neighbors]` each."""
        users, splits = tf.size(self._sizes), asked.splits()
        lengths = tf.cast(splits[1:] - splits[:-1], tf.float32)
        histories = tf.RaggedTensor.from_row_splits(asked.positions, splits, validate=False)

        def compare(queries: tf.Tensor) -> tf.Tensor:
            block = TakenItems.of(tf.gather(histories, queries))
            shared = self._takers.add_up(block, None, users)
            norms = tf.sqrt(tf.gather(lengths, queries)[:, tf.newaxis] * self._sizes)
            return tf.math.divide_no_nan(shared, norms + self.shrinkage)

        nothing = tf.zeros([asked.count, 0], tf.int32)
        return best_in_blocks(compare, nothing, tf.minimum(self.neighbors, users), users)
