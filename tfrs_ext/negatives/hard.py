"""The rows of a pool that the model scores highest."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.in_batch import InBatch
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.ops.scores import largest
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Hard(Source):
    """Keeps, of another source's pool, the rows that are among the best of some query.

    For each query the `num_hard_negatives` negatives with the largest `<q, c> / T - log Q`, where
    T is the task's temperature, as a loss with a correction compares them; where log Q isn't known
    it is left out. Kept is their union, in the order of the pool. A query's own positive and its
    known positives don't count. Scores are those of the current model, and carry no gradient. The
    rows keep their log_q: that they were chosen isn't corrected for, so the loss is no estimate of
    the full softmax any more.

    Args:
        num_hard_negatives: How many rows to keep for each query.
        source: Whose pool is searched; None is `InBatch()`. `Uniform` with many rows costs their
            embeddings.

    Raises:
        ValueError: Where `num_hard_negatives` < 1.

    Relations:
        It makes the scores `[B, N]` of the pool. `HardFromIndex` searches the whole catalogue;
        `tasks.Retrieval(num_hard_negatives=...)` keeps other rows for each query.

    Example:
        >>> hard = tfrs_ext.negatives.Hard(num_hard_negatives=10)

    References:
        Schroff et al., "FaceNet", CVPR 2015 (mining inside the batch).
    """

    PARTS = ("source",)

    def __init__(
        self, num_hard_negatives: int, source: Source | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if num_hard_negatives < 1:
            raise ValueError(f"`num_hard_negatives` must be ≥ 1, received {num_hard_negatives}.")
        self.num_hard_negatives = num_hard_negatives
        self.source = InBatch() if source is None else source

    def draw(self, batch: Batch) -> Pool:
        """Returns the positives and the hardest rows."""
        pool = self.source.draw_shared(batch)
        logits, valid = batch.logits(pool.negatives), batch.are_negatives(pool.negatives)
        _, is_negative, columns = largest(logits, valid, self.num_hard_negatives)
        rows = tf.sort(tf.unique(tf.boolean_mask(columns, is_negative))[0])
        own = None if pool.own is None else tf.gather(pool.own, rows)
        return pool._replace(negatives=pool.negatives.take(rows), own=own)

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_hard_negatives": self.num_hard_negatives}
