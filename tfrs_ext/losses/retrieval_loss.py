"""The contract of the losses for retrieval: by embeddings without a score matrix, or by scores."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.checks import check_per_query
from tfrs_ext.ops import dense_row_loss, row_loss
from tfrs_ext.ops.objectives import Objective

REMOVED = -1e30  # TFRS's accidental hits and masks lie at float32.min / 100, in float16 at -inf.


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
        y_pred: `[B, C]` floating point scores, already scaled and corrected. Scores under -1e30
            count as masked (as TFRS's accidental hits and `score_mask` are).
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.
    """

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
        scale: tf.Tensor | None = None,
        mask: tf.Tensor | None = None,
        sample_weight: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Computes each query's loss from embeddings, without a matrix of scores.

        Candidates of the pool with the id of the row's positive are no negatives of the row: so
        in-batch training passes the positives as `negatives`, and accidental hits are removed.

        Args:
            query_embeddings: `[B, D]` floating point.
            positives: `B` rows; row i belongs to query i.
            negatives: `N` rows, which all queries share.
            scale: Scalar that multiplies the scores: one by the temperature.
            mask: `[B, N]` bool, False where a candidate is no negative of the query.
            sample_weight: `[B]` weights of the queries, not negative.

        Returns:
            `[B]` float32: weighted, not reduced.

        Raises:
            ValueError: Where shapes or dtypes do not fit; the message names the argument.
            InvalidArgumentError: Where values or dynamic shapes do not fit.
        """
        query_embeddings = tf.convert_to_tensor(query_embeddings)
        positives = Candidates(*map(tf.convert_to_tensor, positives))
        negatives = Candidates(*map(tf.convert_to_tensor, negatives))
        arguments = (query_embeddings, positives, negatives, scale, mask, sample_weight)
        return self._per_query(*_after(check_per_query(*arguments), arguments))

    def _per_query(
        self,
        queries: tf.Tensor,
        positives: Candidates,
        negatives: Candidates,
        scale: tf.Tensor | None,
        mask: tf.Tensor | None,
        sample_weight: tf.Tensor | None,
    ) -> tf.Tensor:
        queries = tf.cast(queries, tf.float32)
        scale = tf.constant(1.0) if scale is None else tf.cast(scale, tf.float32)
        positive = scale * tf.reduce_sum(
            queries * tf.cast(positives.embeddings, tf.float32), axis=1
        )
        positive, bias = self.correct(positive, positives, negatives)
        return row_loss(
            self.objective,
            queries,
            negatives.embeddings,
            positive,
            scale=scale,
            bias=bias,
            row_ids=positives.ids,
            candidate_ids=negatives.ids,
            mask=mask,
            weight=sample_weight,
        )

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        """Computes the rows' losses `[B]` float32 from labels and scores, both `[B, C]`."""
        scores = tf.cast(tf.convert_to_tensor(y_pred), tf.float32)
        is_positive = tf.convert_to_tensor(y_true) > 0
        # The label says which score is the positive's; a sum would turn masked -inf into NaN.
        column = tf.argmax(is_positive, axis=1, output_type=tf.int32)
        positive = tf.gather(scores, column, axis=1, batch_dims=1)
        valid = tf.logical_and(scores > REMOVED, tf.logical_not(is_positive))
        rows = dense_row_loss(self.objective, scores, positive, valid)
        return tf.where(tf.reduce_any(is_positive, axis=1), rows, 0.0)


def _after(checks: list[Any], arguments: Any) -> Any:
    """Returns the arguments, to be used after the checks; what was one tensor remains one."""
    with tf.control_dependencies(checks):
        given = [tensor for tensor in tf.nest.flatten(arguments) if tensor is not None]
        checked = {id(tensor): tf.identity(tensor) for tensor in given}
    return tf.nest.map_structure(lambda tensor: checked.get(id(tensor)), arguments)
