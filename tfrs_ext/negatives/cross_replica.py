"""The candidates of all devices as negatives."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.in_batch import InBatch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.ops.replicas import gather_rows, is_mine


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CrossReplica(Source):
    """Gathers what a source answers with on every replica of a `tf.distribute` strategy.

    The gather is differentiable: each device's candidates get the gradients of all devices'
    queries, as in one large batch. Rows come in the order of the replicas, the same on each. A loss
    that compares items with queries meets the queries of all replicas. Without a strategy it is the
    source itself.

    Args:
        source: What each replica asks; None is `InBatch()`. Every replica must ask.

    Relations:
        `MemoryQueue` over it remembers the rows of all replicas.

    Example:
        >>> source = tfrs_ext.negatives.CrossReplica()
        >>> batch = tfrs_ext.negatives.Batch(tf.eye(2), Candidates(tf.eye(2), tf.constant([7, 8])))
        >>> source.draw(batch).negatives.ids.numpy()
        array([7, 8], dtype=int32)

    References:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
        ICML 2021 (the gather, in its implementations).
    """

    PARTS = ("source",)

    def __init__(self, source: Source | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = InBatch() if source is None else source

    def draw(self, batch: Batch) -> Pool:
        """Returns the replica's positives, and the negatives of all replicas."""
        pool = self.source.draw_shared(batch)
        own = pool.own
        if own is not None:
            # Other replicas count their queries from 0, too.
            own = tf.where(is_mine(tf.shape(own)[0]), gather_rows(own), -1)
        queries = pool.queries
        if batch.compares_queries:
            queries = _gather(batch.queries_by_positive if queries is None else queries)
        return pool._replace(negatives=_gather(pool.negatives), own=own, queries=queries)


def _gather(candidates: Candidates) -> Candidates:
    return Candidates(*(None if part is None else gather_rows(part) for part in candidates))
