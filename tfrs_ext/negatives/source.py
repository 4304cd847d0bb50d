"""What every source of negatives is: a layer that answers with `Candidates`."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.checks import check_candidates, in_types_of


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Source(keras.layers.Layer):
    """A source of negatives: the base of every class in this folder that answers with a pool.

    A source answers for one batch with the negatives that all its queries share, each with the
    log-probability with which one draw of the source gives it. Sources hold other sources
    (`Mixed`, `MemoryQueue`, `CrossReplica`, `Hard`), and compose.

    To write one, implement `pool`, and `log_q` where the source has a distribution of its own;
    state belongs in variables, so that it is saved.

    Call arguments:
        positives: `Candidates` with B rows, the batch's positives: embeddings `[B, D]`, ids `[B]`
            int32, int64 or string, log_q `[B]` float32.
        candidate_model: The candidate tower, for sources that embed items: from the raw features
            of n items to `[n, D]`.
        training: Whether state may change. True in a training step.
        query_embeddings: `[B, D]`, for `Hard` and `HardFromIndex`.
        features: Mapping of column to tensor, the batch itself, for `Explicit`.

    Returns:
        `Candidates` with N rows, in the dtypes of `positives`; log_q float32.

    Raises:
        ValueError: Where the rows of `positives` differ in number, or their ids are of another
            kind than the source's.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(autocast=False, **kwargs)

    @property
    def has_density(self) -> bool:
        """Whether `log_q` is right for ids that other sources drew, as `Mixed` needs it."""
        return True

    def call(
        self,
        positives: Candidates,
        candidate_model: Any = None,
        training: bool | None = None,
        query_embeddings: tf.Tensor | None = None,
        features: Mapping[str, tf.Tensor] | None = None,
    ) -> Candidates:
        """Returns the pool of negatives for the batch of `positives`."""
        # Keras files turn named tuples into lists.
        positives = Candidates(*positives)
        check_candidates(positives, "positives")
        pool = self.pool(
            positives,
            candidate_model=candidate_model,
            training=training,
            query_embeddings=query_embeddings,
            features=features,
        )
        return in_types_of(positives, pool)

    def pool(self, positives: Candidates, **context: Any) -> Candidates:
        """Returns the pool; `context` holds the other call arguments, by name."""
        raise NotImplementedError

    def log_q(self, candidates: Candidates) -> tf.Tensor:
        """Returns the log-probability `[B]` float32 that one draw of the source gives each id."""
        return candidates.log_q
