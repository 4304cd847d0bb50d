"""What the rules share that choose for variety."""

import abc

import tensorflow as tf

from tfrs_ext.ops.greedy_diversity import chosen_first
from tfrs_ext.reranking.ranked import Ranked
from tfrs_ext.reranking.rule import Asked, Rule, keep_table
from tfrs_ext.typing import TensorLike


class DiversityRule(Rule):
    """Chooses k items by relevance and by what the items chosen before are like.

    Args:
        name: The name of the module.
        embeddings: `[C, D]`, by which items are alike.
        share: The share of relevance, from 0 to 1.
        allows_one: Whether the share may be 1.
    """

    def __init__(self, name: str, embeddings: TensorLike, share: float, allows_one: bool) -> None:
        super().__init__(name=name)
        if not (0 <= share < 1 or (allows_one and share == 1)):
            end = "to 1" if allows_one else "up to but not including 1"
            raise ValueError(f"`share` must be from 0 {end}, received share={share}.")
        self.share = float(share)
        table = keep_table(embeddings, tf.float32, 2, "embeddings")
        table.assign(tf.math.l2_normalize(table, axis=1))
        self._units, self.num_items = table, int(table.shape[0])

    @abc.abstractmethod
    def choose(
        self, relevance: tf.Tensor, units: tf.Tensor, is_open: tf.Tensor, k: tf.Tensor
    ) -> tf.Tensor:
        """Returns the columns `[B, k]` int32 of the chosen items, -1 where nothing is left.

        Args:
            relevance: `[B, M]` float32, from 0 to 1.
            units: `[B, M, D]` vectors of length 1.
            is_open: `[B, M]` bool, where there is an item.
            k: int32 scalar, how many are chosen.
        """

    def __call__(self, ranked: Ranked, request: Asked, k: tf.Tensor) -> Ranked:
        """Returns the lists with the chosen items first, the others as they stood."""
        units = ranked.look_up(self._units, 0.0)
        chosen = self.choose(_relevance_of(ranked), units, ranked.is_item, k)
        return ranked.take(chosen_first(chosen, tf.shape(ranked.positions)[1]))


def _relevance_of(ranked: Ranked) -> tf.Tensor:
    """Returns scores as relevance `[B, M]` from 0, the list's worst item, to 1, its best."""
    is_item = ranked.is_item
    best = tf.reduce_max(ranked.scores, axis=1, keepdims=True)
    worst = tf.where(is_item, ranked.scores, best)
    worst = tf.reduce_min(worst, axis=1, keepdims=True)
    return tf.where(is_item, tf.math.divide_no_nan(ranked.scores - worst, best - worst), 0.0)
