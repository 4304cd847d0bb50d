"""Items drawn uniformly from the catalogue."""

import math

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.negatives.sampler import Sampler


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Uniform(Sampler):
    """Draws items uniformly, with replacement: `log_q = -log(M)` for each of M items.

    Args:
        catalogue: The items, as `Catalogue`, or their ids `[M]`, for a tower of ids.
        num_negatives: How many items to draw for each batch; they may repeat.
        seed: Integer that fixes the draws; None draws one with Python's `random`. Training draws
            follow a counter that is saved with the model; evaluation draws the same every time.

    Raises:
        ValueError: Where `num_negatives` < 1, the catalogue is empty or repeats ids, or
            `candidate_model` isn't given.

    Relations:
        Uniform negatives reach the tail, and are easy: mix them with the batch's (`Mixed`). An id
        outside the catalogue is given `-log(M)` as well.

    Example:
        >>> uniform = tfrs_ext.negatives.Uniform([1, 2, 3, 4], num_negatives=2, seed=1)
        >>> tf.exp(uniform.log_q(tf.constant([3, 1]))).numpy().round(3)
        array([0.25, 0.25], dtype=float32)
    """

    def sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns the positions drawn, `[num_negatives]` int64."""
        shape = [self.num_negatives]
        return tf.random.stateless_uniform(shape, seed, 0, len(self.catalogue), tf.int64)

    def log_q(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns `-log(M)`, `[n]`."""
        return self._log_q_of_positions(ids)

    def _log_q_of_positions(self, positions: tf.Tensor) -> tf.Tensor:
        return tf.fill(tf.shape(positions), -math.log(len(self.catalogue)))
