"""What `Uniform` and `Popularity` share: draws from a catalogue that repeat with their seed."""

import random
from typing import Any

import tensorflow as tf

from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.catalogue import Catalogue
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.typing import Config, TensorLike


class Sampler(Source):
    """Draws `num_negatives` items of a catalogue, with replacement, for every batch.

    Training draws follow the seed and a counter, which is saved with the model, so that training
    that resumes draws what it would have drawn; replicas draw apart. With `training=False` every
    call draws the same items, so that losses of evaluations compare.
    """

    PARTS = ("catalogue",)

    def __init__(
        self,
        catalogue: Catalogue | TensorLike,
        num_negatives: int,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_negatives < 1:
            raise ValueError(
                f"`num_negatives` must be ≥ 1, received num_negatives={num_negatives}."
            )
        self.catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue(catalogue)
        self.num_negatives = num_negatives
        self.seed = random.getrandbits(31) if seed is None else seed
        self.calls = self.add_weight(
            name="calls",
            shape=(),
            dtype=tf.int64,
            initializer="zeros",
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns the positions drawn, `[num_negatives]` int64.

        Args:
            seed: `[2]` int64, a seed for stateless draws.
        """
        raise NotImplementedError

    def log_q(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the log-probability `[n]` float32 that one draw gives each id."""
        raise NotImplementedError

    def draw(self, batch: Batch) -> Pool:
        """Returns the batch's positives, and items of the catalogue, drawn and embedded."""
        positions = self.sample(self._draw_seed(batch.training))
        ids = tf.gather(self.catalogue.ids, positions)
        embeddings = batch.embed(self.catalogue.features(positions))
        negatives = Candidates(embeddings, ids, self._log_q_of_positions(positions))
        positives = batch.positives
        return Pool(
            positives._replace(log_q=self.log_q(positives.ids)),
            negatives.like(positives),
            density=self.log_q,
        )

    def _log_q_of_positions(self, positions: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError

    def _draw_seed(self, training: bool | None) -> tf.Tensor:
        if training is None or training:
            seed = tf.stack([tf.constant(self.seed, tf.int64), self.calls.assign_add(1)])
        else:
            seed = tf.constant([self.seed, 0], tf.int64)
        replica = tf.distribute.get_replica_context()
        if replica is None or replica.num_replicas_in_sync == 1:
            return seed
        return tf.random.experimental.stateless_fold_in(seed, replica.replica_id_in_sync_group)

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_negatives": self.num_negatives, "seed": self.seed}
