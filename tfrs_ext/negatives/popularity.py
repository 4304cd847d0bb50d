"""Items drawn by a power of their counts."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.negatives.catalogue import Catalogue
from tfrs_ext.negatives.sampler import Sampler
from tfrs_ext.ops.tables import check_counts
from tfrs_ext.typing import Config, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Popularity(Sampler):
    """Draws items by popularity, with replacement: `q_i = c_i^power / sum_j c_j^power`.

    `c_i = max(count_i, unseen_count)`: items without data are drawn too, or nothing would push
    their scores down.

    Args:
        catalogue: The items, as `Catalogue`, or their ids `[M]`, for a tower of ids.
        item_counts: How often each item occurs in training, `[M]` numbers ≥ 0 in the order of the
            catalogue.
        num_negatives: How many items to draw for each batch; they may repeat.
        power: ≥ 0; 1 draws as the data do, 0.75 is word2vec's, 0 is uniform.
        unseen_count: The least count, > 0.
        seed: Integer that fixes the draws; None draws one with Python's `random`. Training draws
            follow a counter that is saved with the model; evaluation draws the same every time.

    Raises:
        ValueError: Where `num_negatives` < 1, `power` < 0, `unseen_count` ≤ 0, counts don't match
            the catalogue or are negative, the catalogue is empty or repeats ids, or
            `candidate_model` isn't given.

    Relations:
        `Uniform` is the same with a power of 0. An id outside the catalogue is given the log_q of
        the least popular item.

    Example:
        >>> popular = tfrs_ext.negatives.Popularity([1, 2, 3], [16, 1, 0], 2, power=0.5)
        >>> tf.exp(popular.log_q(tf.constant([1, 2, 3]))).numpy().round(3)
        array([0.667, 0.167, 0.167], dtype=float32)

    References:
        Mikolov et al., "Distributed Representations of Words and Phrases and their
        Compositionality", NeurIPS 2013 (the power).
    """

    def __init__(
        self,
        catalogue: Catalogue | TensorLike,
        item_counts: TensorLike,
        num_negatives: int,
        power: float = 1.0,
        unseen_count: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(catalogue, num_negatives, seed, **kwargs)
        if not 0 <= power < np.inf:
            raise ValueError(f"`power` must be ≥ 0, received power={power}.")
        if not unseen_count > 0:
            raise ValueError(f"`unseen_count` must be > 0, received unseen_count={unseen_count}.")
        self.item_counts = check_counts(item_counts, len(self.catalogue))
        self.power = float(power)
        self.unseen_count = float(unseen_count)
        log_weights = power * np.log(np.maximum(self.item_counts, unseen_count))
        log_weights -= log_weights.max()
        cumulative = np.cumsum(np.exp(log_weights))
        log_q = log_weights - np.log(cumulative[-1])
        with tf.init_scope():
            # float64: a float32 sum over millions of items would never draw the last of them.
            self._cumulative = tf.constant(cumulative)
            self._log_q = tf.constant(log_q, tf.float32)
            self._least = tf.reduce_min(self._log_q)

    def sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns the positions drawn, `[num_negatives]` int64."""
        total = self._cumulative[-1]
        draws = tf.random.stateless_uniform([self.num_negatives], seed, dtype=tf.float64) * total
        positions = tf.searchsorted(self._cumulative, draws, side="right", out_type=tf.int64)
        # A draw may round up to the total.
        return tf.minimum(positions, len(self.catalogue) - 1)

    def log_q(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the log-probability of each id, `[n]`."""
        positions, known = self.catalogue.positions(ids)
        return tf.where(known, self._log_q_of_positions(positions), self._least)

    def _log_q_of_positions(self, positions: tf.Tensor) -> tf.Tensor:
        return tf.gather(self._log_q, positions)

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "item_counts": self.item_counts.tolist(),
            "power": self.power,
            "unseen_count": self.unseen_count,
        }
