"""The rows of a pool that the model scores highest."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.composite import Composite
from tfrs_ext.negatives.source import Source
from tfrs_ext.ops.hashing import fingerprint


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Hard(Composite):
    """Keeps, of another source's pool, the rows that are among the best of some query.

    For each query the `num_hard_negatives` rows with the largest `<q, c> - log_q` that aren't its
    positive; their union, in the order of the pool. Scores are those of the current model, and
    carry no gradient. The rows keep their log_q: that they were chosen isn't corrected for, so
    the loss is no estimate of the full softmax any more.

    Args:
        num_hard_negatives: How many rows to keep for each query.
        source: Whose pool is searched; None is `InBatch()`. `Uniform` with many rows costs their
            embeddings.

    Call arguments:
        See `Source`; `query_embeddings` must be given. Holds scores `[B, N]` of the pool.

    Returns:
        `Candidates` with the rows kept, at most `B · num_hard_negatives` and at most the pool.

    Raises:
        ValueError: Where `num_hard_negatives` < 1, or `query_embeddings` aren't given.

    Use `HardFromIndex` to search the whole catalogue.

    Example:
        >>> hard = tfrs_ext.negatives.Hard(num_hard_negatives=10)

    References:
        Schroff et al., "FaceNet", CVPR 2015 (mining inside the batch).
    """

    def __init__(
        self, num_hard_negatives: int, source: Source | None = None, **kwargs: Any
    ) -> None:
        super().__init__(source, **kwargs)
        if num_hard_negatives < 1:
            raise ValueError(f"`num_hard_negatives` must be ≥ 1, received {num_hard_negatives}.")
        self.num_hard_negatives = num_hard_negatives

    def pool(self, positives: Candidates, **context: Any) -> Candidates:
        """Returns the hardest rows."""
        queries = context["query_embeddings"]
        if queries is None:
            raise ValueError("`query_embeddings` must be given to `Hard`, received None.")
        pool = self.source(positives, **context)
        rows = self._hardest(queries, positives, pool)
        return Candidates(*(tf.gather(part, rows) for part in pool))

    def _hardest(self, queries: tf.Tensor, positives: Candidates, pool: Candidates) -> tf.Tensor:
        scores = tf.matmul(queries, pool.embeddings, transpose_b=True)
        scores = tf.cast(scores, tf.float32) - pool.log_q
        own = fingerprint(positives.ids[: tf.shape(queries)[0]])[:, None] == fingerprint(pool.ids)
        scores = tf.where(own, tf.float32.min, scores)
        k = tf.minimum(self.num_hard_negatives, tf.shape(scores)[1])
        values, rows = tf.math.top_k(scores, k)
        rows = tf.boolean_mask(rows, values > tf.float32.min)
        return tf.sort(tf.unique(rows)[0])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "num_hard_negatives": self.num_hard_negatives}
