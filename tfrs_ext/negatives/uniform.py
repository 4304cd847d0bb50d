"""Items drawn uniformly from the catalogue."""

import math

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.sampler import Sampler


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Uniform(Sampler):
    """Draws items uniformly, with replacement: `log_q = -log(M)` for each of M items.

    Args:
        catalogue: `Catalogue`, or `[M]` ids.
        num_negatives: How many rows to draw for each batch.
        seed: Integer that fixes the draws; None draws one with Python's `random`.

    Call arguments:
        See `Source`; `candidate_model` must be given. Training draws follow a counter that is
        saved with the model; with `training=False` all calls draw the same rows.

    Returns:
        `Candidates` with `num_negatives` rows, repeats possible.

    Raises:
        ValueError: Where `num_negatives` < 1, the catalogue is empty or repeats ids, or
            `candidate_model` isn't given.

    An id outside the catalogue is given `-log(M)` as well. Uniform negatives reach the tail, and
    are easy: mix them with the batch's (`Mixed`).

    Example:
        >>> uniform = tfrs_ext.negatives.Uniform([1, 2, 3, 4], num_negatives=2, seed=1)
        >>> candidates = Candidates(tf.eye(2), tf.constant([3, 1]), tf.zeros(2))
        >>> tf.exp(uniform.log_q(candidates)).numpy().round(3)
        array([0.25, 0.25], dtype=float32)
    """

    def sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns rows drawn, `[num_negatives]` int64."""
        shape = [self.num_negatives]
        return tf.random.stateless_uniform(shape, seed, 0, len(self.catalogue), tf.int64)

    def log_q(self, candidates: Candidates) -> tf.Tensor:
        """Returns `-log(M)`, `[B]`."""
        return self._log_q_of_rows(candidates.ids)

    def _log_q_of_rows(self, positions: tf.Tensor) -> tf.Tensor:
        return tf.fill(tf.shape(positions), -math.log(len(self.catalogue)))
