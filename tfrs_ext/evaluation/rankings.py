"""Evaluation of lists of results, such as an index returns."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfrs_ext.evaluation.query_metrics import result_of
from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.ops.rank_checks import check_ks
from tfrs_ext.ops.tied_ranks import rank_in_lists
from tfrs_ext.typing import PositionLists, TensorLike


def evaluate_rankings(
    rankings: TensorLike,
    positives: PositionLists,
    ks: Sequence[int] = (10, 100),
) -> RetrievalResult:
    """Evaluates the best candidates of every query, given best first.

    A positive that isn't in its query's list is missed. Repeated results hold their places, and
    a positive counts at its first. What a query has seen must have been left out already.

    Args:
        rankings: `[Q, K]` ids, `K >= max(ks)`: what an index returned. Where an index found too
            few, it pads with -1, or `""` where ids are strings: these are no results.
        positives: Ids of the candidates that each query should find: `[Q]`, a list of lists or a
            `tf.RaggedTensor`, of the type of `rankings`.
        ks: The cut-offs, the lengths of list at which metrics are computed.

    Returns:
        A `RetrievalResult` as `evaluate_retrieval` gives; `rank` is infinite where all positives
        are missed.

    Raises:
        ValueError: Where shapes or `ks` don't fit, or some ids are strings and others numbers.

    Relations:
        `evaluate_retrieval` and `evaluate_scores` know the ranks beyond the K-th.

    Example:
        >>> result = evaluate_rankings([["a", "b"], ["c", "a"]], [["b"], ["b", "c"]], ks=[2])
        >>> result.per_query["recall_at_2"].tolist(), result.per_query["mrr_at_2"].tolist()
        ([1.0, 0.5], [0.5, 1.0])
    """
    cutoffs = check_ks(ks)
    lists = np.asarray(rankings)
    if lists.ndim != 2 or lists.shape[1] < max(cutoffs):
        raise ValueError(
            f"`rankings` must have at least max(ks) = {max(cutoffs)} columns, received shape "
            f"{lists.shape}."
        )
    results = tf.constant(lists)
    wanted = _ragged(positives, results.dtype)
    if wanted.nrows() != len(lists):
        raise ValueError(
            f"`positives` must have an entry for each of the {len(lists)} queries, received "
            f"{wanted.nrows()}."
        )
    padding = "" if results.dtype == tf.string else tf.constant(-1, results.dtype)
    ranks = rank_in_lists(results, wanted, tf.not_equal(results, padding))
    return result_of([(ranks, len(lists))], cutoffs, "pessimistic")


def _ragged(positives: PositionLists, dtype: tf.DType) -> tf.RaggedTensor:
    if isinstance(positives, tf.RaggedTensor):
        positives = positives.to_list()
    lists = [np.unique(np.asarray(ids)) for ids in positives]
    some = [ids for ids in lists if len(ids)]
    values = np.concatenate(some) if some else tf.zeros([0], dtype)
    return tf.RaggedTensor.from_row_lengths(values, [len(ids) for ids in lists])
