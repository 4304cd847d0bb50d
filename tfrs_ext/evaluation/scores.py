"""Evaluation of whatever gives a score to every candidate."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from tfrs_ext.evaluation.positions import blocks, wanted_and_excluded
from tfrs_ext.evaluation.query_metrics import result_of
from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.ops.rank_checks import check_ks, check_ties
from tfrs_ext.ops.tied_ranks import Ranks, rank_scores, rank_shared_scores
from tfrs_ext.typing import Inputs, PositionLists, TensorLike

_SCORES_IN_BLOCK = 2**24


def evaluate_scores(
    scorer: Callable[..., TensorLike],
    queries: Inputs,
    positives: PositionLists,
    seen: PositionLists | None = None,
    ks: Sequence[int] = (10, 100),
    ties: str = "pessimistic",
    *,
    num_candidates: int,
) -> RetrievalResult:
    """Ranks every query's positives among all candidates by scores that a function gives.

    Args:
        scorer: A function from a block of `queries` to scores `[B, C]`: one of `baselines`, or any
            model. One that gives all queries the same scores may have them as an attribute
            `shared_scores`, `[C]`: it isn't called then, and no query needs scores of its own.
        queries: What the scorer takes for `Q` queries: an array, a `tf.RaggedTensor` of histories,
            or a dict or tuple of such.
        positives: The positions of the candidates that each query should find, in the forms that
            `evaluate_retrieval` takes.
        seen: The positions of the candidates that don't compete, in the same forms.
        ks: The cut-offs, the lengths of list at which metrics are computed.
        ties: What happens to candidates of the positive's score, as in `evaluate_retrieval`; here
            scores tie where they are equal.
        num_candidates: C, the size of the catalogue. Blocks are as large as 64 MiB of scores allow.

    Returns:
        A `RetrievalResult` as `evaluate_retrieval` gives.

    Raises:
        ValueError: Where shapes, positions, `ks` or `ties` don't fit.

    Relations:
        `evaluate_retrieval` for embeddings: many times faster, as it holds no scores.

    Example:
        >>> scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]])
        >>> users = np.arange(2)
        >>> result = evaluate_scores(
        ...     lambda some: scores[some], users, [[2], [0]], ks=[1], num_candidates=3)
        >>> result["mrr_at_1"]
        0.5
    """
    cutoffs, mode = check_ks(ks), check_ties(ties)
    sizes = (_count(queries), num_candidates)
    wanted, excluded = wanted_and_excluded(positives, seen, *sizes)

    shared = getattr(scorer, "shared_scores", None)
    if shared is not None:
        scores = _check_shape(shared, (num_candidates,))
        ranks = rank_shared_scores(scores, wanted, excluded, mode)
        return result_of(iter([(ranks, sizes[0])]), cutoffs, mode)

    def rank_blocks() -> Iterator[tuple[Ranks, int]]:
        size = max(1, _SCORES_IN_BLOCK // num_candidates)
        for part in _smaller(blocks(wanted), size):
            length = part.stop - part.start
            scores = _check_shape(scorer(_cut(queries, part)), (length, num_candidates))
            left_out = None if excluded is None else excluded[part]
            yield rank_scores(scores, wanted[part], left_out, mode), length

    return result_of(rank_blocks(), cutoffs, mode)


def _check_shape(scores: TensorLike, shape: tuple[int, ...]) -> tf.Tensor:
    scores = tf.cast(tf.convert_to_tensor(scores), tf.float32)
    if scores.shape != shape:
        raise ValueError(
            f"`scorer` must return scores of shape {shape}, received {tuple(scores.shape)}."
        )
    return scores


def _smaller(parts: Iterator[slice], size: int) -> Iterator[slice]:
    for part in parts:
        for begin in range(part.start, part.stop, size):
            yield slice(begin, min(begin + size, part.stop))


def _count(queries: Inputs) -> int:
    first = tf.nest.flatten(queries)[0]
    return int(first.nrows()) if isinstance(first, tf.RaggedTensor) else len(first)


def _cut(queries: Inputs, part: slice) -> Inputs:
    def cut(column: TensorLike) -> TensorLike:
        return column[part] if isinstance(column, tf.RaggedTensor) else np.asarray(column)[part]

    return tf.nest.map_structure(cut, queries)
