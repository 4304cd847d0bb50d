"""What a source of negatives may read."""

import dataclasses

import tensorflow as tf

from tfrs_ext.candidates import Candidates
from tfrs_ext.ops.exclusion import is_negative
from tfrs_ext.ops.known_positives import not_known
from tfrs_ext.ops.scores import pairwise_scores
from tfrs_ext.ops.spans import size
from tfrs_ext.typing import Columns, Embedder


@dataclasses.dataclass(frozen=True)
class Batch:
    """One batch as its towers embedded it: all that a source of negatives may read.

    Attributes:
        queries: `[B, D]` floating point, or `[B, H, D]` for several vectors a query.
        candidates: The batch's candidates, `C >= B`: row i < B is the positive of query i, the
            others are extra negatives. Their `log_q` is None where the caller doesn't know it.
        scale: What scores are multiplied by, one by the temperature; None for 1.
        known_positives: `[B, P]` ids of items that are no negatives of their query, or None.
        candidate_model: The candidate tower, from raw features of n items to `[n, D]`; or None.
        features: The batch's raw columns, or None.
        training: Whether state may change: true in a training step, false in evaluation, None
            where the caller doesn't say.
        compares_queries: Whether the loss compares items with queries, too.

    Example:
        >>> batch = Batch(tf.eye(2), Candidates(tf.eye(2), tf.constant([7, 8])))
        >>> batch.positives.ids.numpy()
        array([7, 8], dtype=int32)
    """

    queries: tf.Tensor
    candidates: Candidates
    scale: tf.Tensor | None = None
    known_positives: tf.Tensor | None = None
    candidate_model: Embedder | None = None
    features: Columns | None = None
    training: bool | None = None
    compares_queries: bool = False

    @property
    def size(self) -> int | tf.Tensor:
        """B, as a number where it is known."""
        return size(self.queries)

    @property
    def positives(self) -> Candidates:
        """The positive of each query, B rows."""
        return self.candidates.head(self.size)

    @property
    def queries_by_positive(self) -> Candidates:
        """The queries as what items look for: their embeddings, and the ids of their positives."""
        return Candidates(self.queries, self.positives.ids)

    def embed(self, items: tf.Tensor | Columns) -> tf.Tensor:
        """Returns the embeddings `[n, D]` that the candidate tower gives to items.

        Args:
            items: Their raw features, as the candidate tower takes them.

        Raises:
            ValueError: Where there is no `candidate_model`.
        """
        if self.candidate_model is None:
            raise ValueError(
                "`candidate_model` must be given to a source that embeds items, received None."
            )
        return self.candidate_model(items)

    def logits(self, candidates: Candidates) -> tf.Tensor:
        """Returns what the loss compares, `<q, c> * scale - log Q`, `[B, N]` float32."""
        scores = pairwise_scores(self.queries, candidates.embeddings)
        if self.scale is not None:
            scores *= self.scale
        return scores if candidates.log_q is None else scores - candidates.log_q

    def are_unknown(self, candidates: Candidates) -> tf.Tensor | None:
        """Returns `[B, N]` bool: whether a candidate is none of the query's known positives.

        None where there are no known positives.

        Raises:
            ValueError: Where these are strings and the candidates' ids aren't, or the other way.
        """
        known, ids = self.known_positives, candidates.ids
        if known is None:
            return None
        if (known.dtype == tf.string) != (ids.dtype == tf.string):
            raise ValueError(
                f"`known_positives` must be {candidates.id_kind}, as the candidates' ids are, "
                f"received dtype={known.dtype.name}."
            )
        return not_known(ids, tf.cast(known, ids.dtype))

    def are_negatives(self, candidates: Candidates) -> tf.Tensor:
        """Returns `[B, N]` bool: whether a candidate is none of the query's positives, by id."""
        return is_negative(self.positives.ids, candidates.ids, self.are_unknown(candidates))
