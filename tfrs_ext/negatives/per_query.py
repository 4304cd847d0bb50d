"""A few negatives for each query, drawn from another source's."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.drawing import DrawingSource
from tfrs_ext.negatives.in_batch import InBatch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source


@keras.saving.register_keras_serializable(package="tfrs_ext")
class PerQuery(DrawingSource):
    """Keeps, of another source's pool, a few rows for each query, drawn anew in every step.

    Of the rows that are no positives of the query, by their ids, `num_negatives` are drawn
    uniformly and without replacement, or all where there are fewer. A row keeps its log_q: which
    of the pool's rows are drawn doesn't depend on what they are.

    Args:
        num_negatives: How many rows a query keeps.
        source: Whose pool is drawn from; None is `InBatch()`.
        seed: Integer that fixes the draws; None draws one with Python's `random`. Training draws
            follow a counter that is saved with the model; evaluation draws the same every time.

    Raises:
        ValueError: Where `num_negatives` < 1, or the source is a `PerQuery`.

    Relations:
        It is how DSSM and NCF train. The other rows of the pool have their embeddings already:
        `InBatch` alone costs the same, and compares with all of them. `Hard` keeps the best rows.
        It is the outermost source: no other source can go on with rows that queries don't share,
        nor can `losses.CorrectedSampledSoftmax`, which counts them.

    Example:
        >>> batch = tfrs_ext.negatives.Batch(
        ...     tf.eye(3), tfrs_ext.candidates.Candidates(tf.eye(3), tf.constant([7, 8, 9])))
        >>> PerQuery(1).draw(batch).mask.numpy().sum(axis=1)
        array([1, 1, 1])

    References:
        Huang et al.: Learning Deep Structured Semantic Models for Web Search using Clickthrough
        Data, CIKM 2013, section 3.3.
    """

    PARTS = ("source",)

    def __init__(
        self,
        num_negatives: int = 4,
        source: Source | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_negatives, seed, **kwargs)
        self.source = InBatch() if source is None else source

    def draw(self, batch: Batch) -> Pool:
        """Returns the source's pool, with a mask of what each query keeps."""
        pool = self.source.draw_shared(batch)
        allowed = batch.are_negatives(pool.negatives)
        shape = tf.shape(allowed)
        # Each row draws a number for each query; the highest numbers of negatives win.
        numbers = tf.random.stateless_uniform(shape, self.next_seed(batch.training))
        numbers = tf.where(allowed, numbers, -1.0)
        _, columns = tf.math.top_k(numbers, tf.minimum(self.num_negatives, shape[1]))
        rows = tf.broadcast_to(tf.range(shape[0])[:, tf.newaxis], tf.shape(columns))
        places = tf.reshape(tf.stack([rows, columns], axis=-1), [-1, 2])
        drawn = tf.scatter_nd(places, tf.ones(tf.shape(places)[:1], tf.int32), shape)
        return pool._replace(mask=tf.logical_and(drawn > 0, allowed))
