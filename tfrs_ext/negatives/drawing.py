"""What the sources that draw at random share: draws that repeat with their seed."""

import random
from typing import Any

import tensorflow as tf

from tfrs_ext.negatives.source import Source
from tfrs_ext.typing import Config


class DrawingSource(Source):
    """A source whose draws follow its seed and a counter, which is saved with the model.

    So a training that resumes draws what it would have drawn; replicas draw apart. With
    `training=False` every call draws the same, so that losses of evaluations compare.
    """

    def __init__(self, num_negatives: int, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_negatives < 1:
            raise ValueError(
                f"`num_negatives` must be ≥ 1, received num_negatives={num_negatives}."
            )
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

    def next_seed(self, training: bool | None) -> tf.Tensor:
        """Returns the seed of this call's stateless draws, `[2]` int64.

        Args:
            training: Whether the counter advances; None counts as true.
        """
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
