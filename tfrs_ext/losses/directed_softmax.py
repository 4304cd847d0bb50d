"""Softmax from query to item, from item to query, or both: what contrastive losses share."""

import tensorflow as tf

from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.sampled_softmax import SampledSoftmax
from tfrs_ext.ops import dense_row_loss
from tfrs_ext.ops.scores import LOWEST
from tfrs_ext.typing import TensorLike

QUERY_TO_ITEM, ITEM_TO_QUERY, BOTH = "query_to_item", "item_to_query", "both"
DIRECTIONS = (QUERY_TO_ITEM, ITEM_TO_QUERY, BOTH)


class DirectedSoftmax(SampledSoftmax):
    """Base of the losses over the product of a batch, along its rows, its columns or both.

    From item to query, an item's negatives are the queries of the batch whose positive is another
    item; under `negatives.CrossReplica`, those of all replicas. A subclass has the attribute
    `direction`.
    """

    direction: str

    @property
    def compares_queries(self) -> bool:  # type: ignore[override]
        """Whether items look for their queries."""
        return self.direction != QUERY_TO_ITEM

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
        if mask is not None and self.compares_queries:
            raise ValueError(
                "`mask` must be None where items are compared with the batch's queries, as its "
                f"columns are the pool's items; received direction={self.direction!r}."
            )
        shared = (sample_weight, num_hard_negatives, all_queries)
        to_item, to_query = None, None
        if self.direction != ITEM_TO_QUERY:
            to_item = super()._compute_rows(queries, positives, negatives, scale, mask, *shared)
        if self.compares_queries:
            # The sides change places: item i asks, and its query is what it looks for.
            # Nobody draws queries: a log Q of 0 corrects nothing.
            items, log_q = positives.embeddings, tf.zeros(tf.shape(positives.ids))
            asked = Candidates(queries, positives.ids, log_q)
            every = all_queries._replace(log_q=tf.zeros(tf.shape(all_queries.ids)))
            to_query = super()._compute_rows(items, asked, every, scale, None, *shared)
        return _mean(to_item, to_query)

    def call(self, y_true: TensorLike, y_pred: TensorLike) -> tf.Tensor:
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
        valid = tf.logical_and(scores > LOWEST, tf.logical_not(same_item))
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
