"""The candidates of all devices as negatives."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.in_batch import InBatch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.ops.replicas import gather_rows, is_mine, is_replica


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
        if not is_replica():
            return pool
        own = None if pool.own is None else _gather_own(pool.own)
        pool = pool._replace(negatives=_gather(pool.negatives), own=own)
        if not batch.compares_queries:
            return pool
        queries, own = pool.queries, pool.own_queries
        if queries is None:
            queries, own = batch.queries_by_positive, tf.range(batch.size)
        return pool._replace(queries=_gather(queries), own_queries=_gather_own(own))


def _gather(candidates: Candidates) -> Candidates:
    return Candidates(*(None if part is None else gather_rows(part) for part in candidates))


def _gather_own(own: tf.Tensor) -> tf.Tensor:
    """Returns whose positive each row is: other replicas count their queries from 0, too."""
    return tf.where(is_mine(tf.shape(own)[0]), gather_rows(own), -1)
