"""The other rows of the batch as negatives."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source


@keras.saving.register_keras_serializable(package="tfrs_ext")
class InBatch(Source):
    """Takes the batch's own candidates as the pool: each positive is a negative of other queries.

    They cost nothing, and come as often as they are popular; hence logQ.

    Args:
        frequency: A layer from ids `[B]` to their log-probability (`CountedFrequency`,
            `StreamingFrequency`), or None where the caller knows it, or nobody does. A streaming
            one counts each training batch here.

    Relations:
        Compose it with `Mixed` for items that rarely are positives, with `MemoryQueue` for earlier
        batches, with `CrossReplica` for other devices.

    Example:
        >>> candidates = tfrs_ext.candidates.Candidates(tf.eye(2), tf.constant([7, 8]))
        >>> frequency = tfrs_ext.frequencies.CountedFrequency([7, 8], [3, 1])
        >>> batch = tfrs_ext.negatives.Batch(tf.eye(2), candidates)
        >>> pool = tfrs_ext.negatives.InBatch(frequency).draw(batch)
        >>> tf.exp(pool.negatives.log_q).numpy()
        array([0.75, 0.25], dtype=float32)

    References:
        Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
        Recommendations", RecSys 2019.
    """

    PARTS = ("frequency",)

    def __init__(self, frequency: keras.layers.Layer | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frequency = frequency

    def draw(self, batch: Batch) -> Pool:
        """Returns the batch's candidates for both, with the frequency's log Q if there is one."""
        candidates = batch.candidates
        if self.frequency is not None:
            log_q = self.frequency(candidates.ids, training=batch.training)
            candidates = candidates._replace(log_q=log_q)
        own = tf.range(tf.size(candidates.ids))
        density = None if self.frequency is None else self._density
        return Pool(candidates.head(batch.size), candidates, own, density)

    def _density(self, ids: tf.Tensor) -> tf.Tensor:
        assert self.frequency is not None
        return self.frequency(ids, training=False)
