"""Metrics apart for the head, the middle and the tail of the catalogue."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.typing import PositionLists, TensorLike


def popularity_groups(item_counts: TensorLike, groups: int = 10) -> npt.NDArray[np.int64]:
    """Returns the group of each candidate `[C]`: 0 holds the most popular, all are of one size.

    Args:
        item_counts: `[C]` how often each candidate occurs in the training part.
        groups: The number of groups; 10 are deciles. Equal counts go by position.

    Example:
        >>> popularity_groups([1, 9, 5, 7], groups=2).tolist()
        [1, 0, 1, 0]
    """
    counts = np.asarray(item_counts)
    if not 1 <= groups <= len(counts):
        raise ValueError(
            f"`groups` must lie between 1 and the number of candidates, {len(counts)}, received "
            f"groups={groups}."
        )
    places = np.empty(len(counts), np.int64)
    places[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return places * groups // len(counts)


def evaluate_by_group(
    evaluate: Callable[[tf.RaggedTensor], RetrievalResult],
    positives: PositionLists,
    group_of: TensorLike,
) -> dict[int, RetrievalResult]:
    """Evaluates with the positives of one group of candidates at a time.

    A recommender that lives off popular items has a high recall in the first group and next to
    none in the last; its mean hides that.

    Args:
        evaluate: A function from positives to a result, such as
            `lambda wanted: evaluate_retrieval(queries, candidates, wanted, seen)`.
        positives: The positions of the candidates that each query should find: `[Q]`, a list of
            lists, or a `tf.RaggedTensor`.
        group_of: `[C]` the group of each candidate, an integer: from `popularity_groups`, or a
            category, or whether the candidate is cold.

    Returns:
        `{group: result}`, for the groups that have positives.

    Example:
        >>> from tfrs_ext.evaluation import evaluate_retrieval
        >>> queries, items = np.eye(2), np.array([[1.0, 0.0], [0.6, 0.5]])
        >>> results = evaluate_by_group(
        ...     lambda wanted: evaluate_retrieval(queries, items, wanted, ks=[1]),
        ...     positives=[0, 0], group_of=[0, 1])
        >>> {group: result["recall_at_1"] for group, result in results.items()}
        {0: 0.5}
    """
    members = np.asarray(group_of)
    if not isinstance(positives, tf.RaggedTensor):
        lists = [np.atleast_1d(np.asarray(wanted, np.int64)) for wanted in positives]
        positives = tf.RaggedTensor.from_row_lengths(
            np.concatenate(lists), [len(wanted) for wanted in lists]
        )
    values = positives.values.numpy()
    groups = np.where(values >= 0, members[np.maximum(values, 0)], -1)
    return {
        int(group): evaluate(
            tf.ragged.boolean_mask(positives, positives.with_values(groups == group))
        )
        for group in np.unique(groups[values >= 0])
    }
