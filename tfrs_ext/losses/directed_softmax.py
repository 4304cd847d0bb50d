"""Softmax from query to item, from item to query, or both: what contrastive losses share."""

from typing import Any

import tensorflow as tf

from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.retrieval_loss import REMOVED
from tfrs_ext.losses.sampled_softmax import SampledSoftmax
from tfrs_ext.ops import dense_row_loss

QUERY_TO_ITEM, ITEM_TO_QUERY, BOTH = "query_to_item", "item_to_query", "both"
DIRECTIONS = (QUERY_TO_ITEM, ITEM_TO_QUERY, BOTH)


class DirectedSoftmax(SampledSoftmax):
    """Base of the losses over the product of a batch, along its rows, its columns or both.

    From item to query, an item's negatives are the queries of the batch whose positive is another
    item. A subclass has the attribute `direction`.
    """

    direction: str

    def _per_query(
        self,
        queries: tf.Tensor,
        positives: Candidates,
        negatives: Candidates,
        scale: Any,
        mask: Any,
        sample_weight: Any,
    ) -> tf.Tensor:
        if mask is not None and self.direction != QUERY_TO_ITEM:
            raise ValueError(
                "`mask` must be None where items are compared with the batch's queries, as its "
                f"columns are the pool's items; received direction={self.direction!r}."
            )
        to_item, to_query = None, None
        if self.direction != ITEM_TO_QUERY:
            to_item = super()._per_query(queries, positives, negatives, scale, mask, sample_weight)
        if self.direction != QUERY_TO_ITEM:
            asking = positives._replace(embeddings=queries, log_q=tf.zeros_like(positives.log_q))
            to_query = super()._per_query(
                tf.cast(positives.embeddings, tf.float32),
                asking,
                asking,
                scale,
                None,
                sample_weight,
            )
        return _mean(to_item, to_query)

    def call(self, y_true: Any, y_pred: Any) -> tf.Tensor:
        """Computes the rows' losses `[B]` float32 from labels and scores, both `[B, C]`."""
        y_true, y_pred = tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred)
        to_item, to_query = None, None
        if self.direction != ITEM_TO_QUERY:
            to_item = super().call(y_true, y_pred)
        if self.direction != QUERY_TO_ITEM:
            to_query = self._call_to_query(y_true, tf.cast(y_pred, tf.float32))
        return _mean(to_item, to_query)

    def _call_to_query(self, y_true: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        column = tf.argmax(y_true, axis=1, output_type=tf.int32)
        # Row i: the scores of all queries with the positive item of query i.
        scores = tf.transpose(tf.gather(scores, column, axis=1))
        same_item = tf.transpose(tf.gather(y_true, column, axis=1)) > 0
        valid = tf.logical_and(scores > REMOVED, tf.logical_not(same_item))
        rows = dense_row_loss(self.objective, scores, tf.linalg.diag_part(scores), valid)
        return tf.where(tf.reduce_any(y_true > 0, axis=1), rows, 0.0)


def check_direction(direction: str) -> str:
    """Returns the direction, or raises."""
    if direction not in DIRECTIONS:
        raise ValueError(f"`direction` must be one of {DIRECTIONS}, received {direction!r}.")
    return direction


def _mean(to_item: tf.Tensor | None, to_query: tf.Tensor | None) -> tf.Tensor:
    if to_item is None or to_query is None:
        return to_query if to_item is None else to_item
    return 0.5 * (to_item + to_query)
