"""The baseline that every recommender has to beat."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.baselines.taken_items import TakenItems, TrainingLog
from tfrs_ext.typing import Config, HyperParameters, TensorLike

DAY = 86_400.0


@keras.saving.register_keras_serializable(package="tfrs_ext")
class PopularityBaseline(Baseline):
    """Ranks candidates by how often they occur in the histories, alike for everybody.

    `score(query, c) = occurrences of c`. With `window`, occurrences in the last stretch of time
    come first; candidates that have none there follow by all occurrences, with scores below 0.

    Args:
        num_candidates: The number of candidates, C.
        window: How long the stretch before the latest entry is, in the unit of `times`, > 0; None
            for all time.

    Call arguments:
        histories: Positions of candidates: a `tf.RaggedTensor` `[B, (L)]`, or `[B, L]` integers
            with negative numbers as padding. Only their number matters.

    Returns:
        `[B, C]` float32.

    Raises:
        ValueError: `window` isn't positive.

    Relations:
        `GroupPopularityBaseline` counts for each group of users, `ItemToItemBaseline` reads the
        query's history; `RandomBaseline` is chance.

    Example:
        >>> baseline = PopularityBaseline(3).fit(tf.ragged.constant([[0, 2], [2]]))
        >>> baseline(tf.constant([[1]])).numpy().tolist()
        [[1.0, 0.0, 2.0]]
    """

    reads_history = False

    def __init__(self, num_candidates: int, window: float | None = None, **kwargs: Any) -> None:
        super().__init__(num_candidates, **kwargs)
        if window is not None and not window > 0:
            raise ValueError(f"`window` must be greater than 0, received window={window}.")
        self.window = window
        self._recent = self.add_weight(
            name="recent", shape=[num_candidates], initializer="zeros", trainable=False
        )

    @property
    def reads_times(self) -> bool:  # type: ignore[override]
        """Whether there is a window."""
        return self.window is not None

    @staticmethod
    def search_space(hp: HyperParameters) -> Config:
        """Returns a window of days, where times are seconds.

        Args:
            hp: The hyper-parameters.
        """
        days = hp.Choice("window_days", [1, 3, 7, 30, 90, 365], default=30)
        return {"window": days * DAY}

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "window": self.window}

    def _learn(self, log: TrainingLog) -> None:
        if log.times is None or self.window is None:
            return
        is_recent = log.times > log.times.max(initial=-np.inf) - self.window
        recent = log.taken.positions.numpy()[is_recent]
        counts = np.bincount(recent, minlength=self.num_candidates)
        self._recent.assign(counts.astype(np.float32))

    @property
    def shared_scores(self) -> tf.Tensor:
        """The scores of every query, `[C]` float32: `evaluation.evaluate_scores` reads them."""
        if self.window is None:
            return tf.cast(self._popularity, tf.float32)
        return self._popular_where_unknown(tf.cast(self._recent, tf.float32))

    def _score(self, queries: TakenItems, groups: TensorLike | None) -> tf.Tensor:
        return tf.tile(self.shared_scores[tf.newaxis], [queries.count, 1])
