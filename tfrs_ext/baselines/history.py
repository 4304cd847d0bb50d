"""The baseline that repeats what the query's history holds."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.decay import check_decay, decayed
from tfrs_ext.baselines.taken_items import TakenItems
from tfrs_ext.typing import Config, HyperParameters, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class HistoryBaseline(Baseline):
    """Ranks the history's own candidates by how often, or how lately, it holds them.

    `score(query, c) = Σ_{entries of c} decay^(entries that came after) + share(c)`, where
    `share(c) = popularity(c) / (1 + largest popularity)`. With decay = 1 the history's own
    candidates are ranked by frequency, and ties by popularity; the smaller it is, the more by
    recency (share(c) is left out then). The other candidates follow by popularity: with decay < 1
    their scores are `share(c) - 1`.

    Where people repeat themselves (music, groceries, games) it is hard to beat; where seen items
    are excluded, it is `PopularityBaseline`.

    Args:
        num_candidates: The number of candidates, C.
        decay: The weight of an entry, relative to the one after it, in (0, 1].

    Call arguments:
        histories: Positions of candidates, oldest first: a `tf.RaggedTensor` `[B, (L)]`, or
            `[B, L]` integers with negative numbers as padding.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: `decay` isn't in (0, 1].

    Relations:
        `SuccessorBaseline` ranks what came after the latest entries.

    Example:
        >>> baseline = HistoryBaseline(3).fit(tf.ragged.constant([[0, 2], [2, 2]]))
        >>> baseline(tf.constant([[1, 1, 0]])).numpy().tolist()
        [[1.25, 2.0, 0.75]]
    """

    def __init__(self, num_candidates: int, decay: float = 1.0, **kwargs: Any) -> None:
        super().__init__(num_candidates, **kwargs)
        self.decay = check_decay(decay)

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns a decay.

        Args:
            hp: The hyper-parameters.
        """
        return {"decay": hp.Choice("decay", [0.5, 0.8, 0.9, 0.95, 0.99, 1.0], default=1.0)}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "decay": self.decay}

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        own = queries.add_up(decayed(queries.ages(), self.decay), self.num_candidates)
        return own + self._shares() if self.decay == 1 else self._popular_where_unknown(own)
