"""The contract of the losses for retrieval: by embeddings without a score matrix, or by scores."""

from collections.abc import Sequence
from typing import TypeVar

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.checks import check_per_query
from tfrs_ext.ops import dense_row_loss, row_loss
from tfrs_ext.ops.exclusion import count_others, is_negative
from tfrs_ext.ops.objectives import Objective
from tfrs_ext.ops.replicas import count_all_rows
from tfrs_ext.ops.scores import LOWEST, largest, pairwise_scores, rowwise_scores
from tfrs_ext.ops.tracing import as_users_wrote
from tfrs_ext.typing import TensorLike

_Arguments = TypeVar("_Arguments")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class RetrievalLoss(keras.losses.Loss):
    """Base of the losses that compare a query's positive with negatives.

    A subclass states `objective`, what one row loses, and may override `correct`, what sampling
    does to the logits. Both ways to call are then there: `per_query` from embeddings, in memory
    for one block of scores, and Keras's `loss(y_true, y_pred)` from a matrix of scores.

    Args:
        reduction: Keras's reduction of the rows; the default is their mean.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels; one positive a row is above 0. Rows without one have loss 0.
        y_pred: `[B, C]` floating point scores, already scaled and corrected. Scores of -1e30 and
            below count as masked (as TFRS's accidental hits and `score_mask` are).
        sample_weight: `[B]` weights of the rows.

    Attributes:
        needs_log_q: Whether the negatives' `log_q` must be known.
        removes_accidental_hits: Whether the formula holds only where no negative of a query has
            the id of its positive.
        wants_whole_catalogue: Whether every item shall be a negative, each once.
        compares_queries: Whether items are compared with the queries of the batch, too.
        counts_the_pool: Whether the formula counts the pool's rows, which all queries must share.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Example:
        >>> from tfrs_ext.ops import objectives
        >>> class Hinge(RetrievalLoss):
        ...     objective = property(lambda self: objectives.hinge(0.5))
        >>> queries, items = tf.eye(2), Candidates(tf.eye(2), tf.constant([7, 8]))
        >>> Hinge().per_query(queries, items, items).numpy()
        array([0., 0.], dtype=float32)
    """

    needs_log_q = False
    removes_accidental_hits = False
    wants_whole_catalogue = False
    compares_queries = False
    counts_the_pool = False

    def __init__(
        self, reduction: str = keras.losses.Reduction.AUTO, name: str | None = None
    ) -> None:
        super().__init__(reduction=reduction, name=name)

    @property
    def objective(self) -> Objective:
        """What a row loses: one of `tfrs_ext.ops.objectives`."""
        raise NotImplementedError(f"{type(self).__name__} must have the property `objective`.")

    def correct(
        self, positive: tf.Tensor, positives: Candidates, negatives: Candidates
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Corrects the logits for how the negatives were drawn.

        Args:
            positive: `[B]` float32, the scaled scores of the positives.
            positives: The positives, `B` rows.
            negatives: The pool, `N` rows.

        Returns:
            The positives' logits `[B]`, and what is added to the pool's logits, `[N]` or None.
        """
        return positive, None

    def per_query(
        self,
        query_embeddings: tf.Tensor,
        positives: Candidates,
        negatives: Candidates,
        *,
        scale: TensorLike | None = None,
        mask: TensorLike | None = None,
        sample_weight: TensorLike | None = None,
        num_hard_negatives: int | None = None,
        all_queries: Candidates | None = None,
    ) -> tf.Tensor:
        """Computes each query's loss from embeddings.

        Candidates of the pool with the id of the row's positive are no negatives of the row: so
        in-batch training passes the positives as `negatives`, and accidental hits are removed.
        The matrix of scores is made only for several vectors a query, and for hard negatives.

        Args:
            query_embeddings: `[B, D]` floating point, or `[B, H, D]` for several vectors a query,
                whose best counts.
            positives: `B` rows; row i belongs to query i.
            negatives: `N` rows, which all queries share.
            scale: Scalar that multiplies the scores: one by the temperature.
            mask: `[B, N]` bool, False where a candidate is no negative of the query.
            sample_weight: `[B]` weights of the queries, not negative.
            num_hard_negatives: How many of the largest logits of each query count; None for all.
            all_queries: What items are compared with, where the loss does that: the embeddings of
                queries and the ids of their positives; None for those of the batch.

        Returns:
            `[B]` float32: weighted, not reduced.

        Raises:
            ValueError: Where shapes or dtypes do not fit, or `log_q` isn't known but needed; the
                message names the argument.
            InvalidArgumentError: Where values or dynamic shapes do not fit.
        """
        queries = tf.convert_to_tensor(query_embeddings)
        scale, mask, sample_weight = map(_as_tensor, (scale, mask, sample_weight))
        positives, negatives = (
            Candidates(*map(_as_tensor, part)) for part in (positives, negatives)
        )
        arguments = (queries, positives, negatives, scale, mask, sample_weight)
        arguments = _after(check_per_query(*arguments), arguments)
        if all_queries is None:
            all_queries = Candidates(arguments[0], arguments[1].ids)
        return self._compute_rows(*arguments, num_hard_negatives, all_queries)

    def _compute_rows(
        self,
        queries: tf.Tensor,
        positives: Candidates,
        negatives: Candidates,
        scale: tf.Tensor | None,
        mask: tf.Tensor | None,
        sample_weight: tf.Tensor | None,
        num_hard_negatives: int | None,
        all_queries: Candidates,
    ) -> tf.Tensor:
        """Computes `per_query` of arguments that were checked."""
        positive = rowwise_scores(queries, positives.embeddings)
        if scale is not None:
            scale = tf.cast(scale, tf.float32)
            positive = scale * positive
        positive, bias = as_users_wrote(self.correct)(positive, positives, negatives)
        has_one_vector = queries.shape.rank == negatives.embeddings.shape.rank == 2
        if has_one_vector and num_hard_negatives is None:
            return row_loss(
                self.objective,
                tf.cast(queries, tf.float32),
                negatives.embeddings,
                positive,
                scale=scale,
                bias=bias,
                row_ids=positives.ids,
                candidate_ids=negatives.ids,
                mask=mask,
                weight=sample_weight,
            )
        logits = pairwise_scores(queries, negatives.embeddings)
        logits = logits if scale is None else scale * logits
        logits = logits if bias is None else logits + bias
        valid = is_negative(positives.ids, negatives.ids, mask)
        if num_hard_negatives is not None:
            logits, valid, _ = largest(logits, valid, num_hard_negatives)
        rows = dense_row_loss(self.objective, logits, positive, valid)
        return rows if sample_weight is None else rows * tf.cast(sample_weight, tf.float32)

    def reduce(self, rows: tf.Tensor) -> tf.Tensor:
        """Reduces `per_query`'s rows as the loss says: their sum, their mean, or as they are.

        Optimizers sum gradients over replicas, so a mean is this replica's share of the mean over
        the rows of all replicas, of which each may have another number.
        """
        if self.reduction == keras.losses.Reduction.NONE:
            return rows
        total = tf.reduce_sum(rows)
        if self.reduction == keras.losses.Reduction.SUM:
            return total
        return total / tf.cast(tf.maximum(count_all_rows(tf.size(rows)), 1.0), total.dtype)

    def call(self, y_true: TensorLike, y_pred: TensorLike) -> tf.Tensor:
        """Computes the rows' losses `[B]` float32 from labels and scores, both `[B, C]`."""
        scores = tf.cast(tf.convert_to_tensor(y_pred), tf.float32)
        is_positive = tf.convert_to_tensor(y_true) > 0
        # The label says which score is the positive's; a sum would turn masked -inf into NaN.
        column = tf.argmax(is_positive, axis=1, output_type=tf.int32)
        positive = tf.gather(scores, column, axis=1, batch_dims=1)
        valid = tf.logical_and(scores > LOWEST, tf.logical_not(is_positive))
        rows = dense_row_loss(self.objective, scores, positive, valid)
        return tf.where(tf.reduce_any(is_positive, axis=1), rows, 0.0)


def log_count_others(positives: Candidates, negatives: Candidates) -> tf.Tensor:
    """Returns the logarithm of the number of a pool's rows that aren't the query's positive."""
    return tf.math.log(tf.maximum(count_others(positives.ids, negatives.ids), 1.0))


def _as_tensor(value: TensorLike | None) -> tf.Tensor | None:
    return None if value is None else tf.convert_to_tensor(value)


def _after(checks: Sequence[tf.Operation], arguments: _Arguments) -> _Arguments:
    """Returns the arguments, to be used after the checks; what was one tensor remains one."""
    with tf.control_dependencies(checks):
        given = [tensor for tensor in tf.nest.flatten(arguments) if tensor is not None]
        checked = {id(tensor): tf.identity(tensor) for tensor in given}
    return tf.nest.map_structure(lambda tensor: checked.get(id(tensor)), arguments)
