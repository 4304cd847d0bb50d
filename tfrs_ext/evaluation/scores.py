"""Evaluation of whatever gives a score to every candidate."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext.evaluation.catalogue_rows import blocks, ragged_rows, without
from tfrs_ext.evaluation.query_metrics import result_of
from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.ops.rank_checks import check_ks, check_ties
from tfrs_ext.ops.standings import Standings, stand_scores

_SCORES_IN_BLOCK = 2**24


def evaluate_scores(
    scorer: Callable[[Any], Any],
    queries: Any,
    positives: Any,
    seen: Any = None,
    ks: Sequence[int] = (10, 100),
    ties: str = "pessimistic",
    *,
    candidates: int,
) -> RetrievalResult:
    """Ranks every query's positives among all candidates by scores that a function gives.

    Args:
        scorer: From a block of `queries` to scores `[B, C]`: a baseline of `models`, or any model.
        queries: What the scorer takes, `Q` rows: an array, a `tf.RaggedTensor` of histories, or a
            dict or tuple of such.
        positives: Row numbers of the candidates that each query should find, as in
            `evaluate_retrieval`.
        seen: Row numbers of the candidates that don't compete, in the same forms.
        ks: Cut-offs.
        ties: As in `evaluate_retrieval`; here scores tie where they are equal.
        candidates: C. Blocks are as large as 64 MiB of scores allow.

    Returns:
        A `RetrievalResult` as `evaluate_retrieval` gives.

    Raises:
        ValueError: Where shapes, row numbers, `ks` or `ties` don't fit.

    Relations:
        `evaluate_retrieval` for embeddings: many times faster, as it holds no scores.

    Example:
        >>> scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]])
        >>> rows = np.arange(2)
        >>> evaluate_scores(lambda r: scores[r], rows, [[2], [0]], ks=[1], candidates=3)["mrr_at_1"]
        0.5
    """
    cutoffs, mode = check_ks(ks), check_ties(ties)
    count = _rows(queries)
    rows = ragged_rows(positives, "positives", count, candidates)
    excluded = None
    if seen is not None:
        excluded = without(ragged_rows(seen, "seen", count, candidates), rows, candidates)

    def stand() -> Iterator[tuple[Standings, int]]:
        size = max(1, _SCORES_IN_BLOCK // candidates)
        for part in _smaller(blocks(rows), size):
            scores = tf.cast(tf.convert_to_tensor(scorer(_cut(queries, part))), tf.float32)
            length = part.stop - part.start
            if scores.shape != (length, candidates):
                raise ValueError(
                    f"`scorer` must return scores of shape {(length, candidates)}, received "
                    f"{tuple(scores.shape)}."
                )
            block = None if excluded is None else excluded[part]
            yield stand_scores(scores, rows[part], block, mode), length

    return result_of(stand(), cutoffs, mode)


def _smaller(parts: Iterator[slice], size: int) -> Iterator[slice]:
    for part in parts:
        for begin in range(part.start, part.stop, size):
            yield slice(begin, min(begin + size, part.stop))


def _rows(queries: Any) -> int:
    first = tf.nest.flatten(queries)[0]
    return int(first.nrows()) if isinstance(first, tf.RaggedTensor) else len(first)


def _cut(queries: Any, part: slice) -> Any:
    def cut(column: Any) -> Any:
        return column[part] if isinstance(column, tf.RaggedTensor) else np.asarray(column)[part]

    return tf.nest.map_structure(cut, queries)
