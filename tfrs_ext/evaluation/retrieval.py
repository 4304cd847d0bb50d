"""Exact evaluation of embeddings over a whole catalogue."""

from collections.abc import Iterator, Sequence

import tensorflow as tf

from tfrs_ext.evaluation.positions import blocks, wanted_and_excluded
from tfrs_ext.evaluation.query_metrics import result_of
from tfrs_ext.evaluation.retrieval_result import RetrievalResult
from tfrs_ext.ops.rank_checks import check_ks, check_ties
from tfrs_ext.ops.tied_ranks import Ranks, rank_positions
from tfrs_ext.typing import PositionLists, TensorLike


def evaluate_retrieval(
    query_embeddings: TensorLike,
    candidate_embeddings: TensorLike,
    positives: PositionLists,
    seen: PositionLists | None = None,
    ks: Sequence[int] = (10, 100),
    ties: str = "pessimistic",
) -> RetrievalResult:
    """Ranks every query's positives among all candidates by inner product.

    Ranks are counted in blocks, without a score matrix and without sorting, so the result is
    exact at any size. A query's other positives compete too.

    Args:
        query_embeddings: `[Q, D]` floating point.
        candidate_embeddings: `[C, D]` floating point.
        positives: The positions of the candidates that each query should find: `[Q]`, `[Q, P]` with
            negative numbers as padding, a list of lists, or a `tf.RaggedTensor`. Queries without
            any count nowhere.
        seen: The positions of the candidates that don't compete, in the same forms. A positive of
            the query competes nevertheless.
        ks: The cut-offs, the lengths of list at which metrics are computed.
        ties: Whether candidates of the positive's score stand above it (`"pessimistic"`), below
            it (`"optimistic"`), or metrics are averaged over all orders (`"expected"`). Scores
            tie where rounding can't tell them apart: within 1e-6 of the product of the norms.

    Returns:
        A `RetrievalResult` with `hit_rate_at_k`, `recall_at_k`, `precision_at_k`, `ndcg_at_k`,
        `map_at_k` (over min(P, k)), `mrr_at_k` and `rank`.

    Raises:
        ValueError: Where shapes, positions, `ks` or `ties` don't fit.

    Relations:
        `evaluate_scores` where a score isn't an inner product, `evaluate_rankings` for lists that
        an index returned, `metrics.FactorizedTopK` inside `model.evaluate`.

    Example:
        >>> queries, candidates = np.eye(2), np.array([[1.0, 0.0], [0.5, 0.6], [0.0, 1.0]])
        >>> result = evaluate_retrieval(queries, candidates, positives=[[0], [1]], ks=[1])
        >>> result.summary()["recall_at_1"], result.summary()["median_rank"]
        (0.5, 1.5)
    """
    cutoffs, mode = check_ks(ks), check_ties(ties)
    queries = _matrix(query_embeddings, "query_embeddings")
    candidates = _matrix(candidate_embeddings, "candidate_embeddings")
    if queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            "`candidate_embeddings` must be as wide as `query_embeddings`, received "
            f"{candidates.shape} and {queries.shape}."
        )
    sizes = (queries.shape[0], candidates.shape[0])
    wanted, excluded = wanted_and_excluded(positives, seen, *sizes)

    def rank_blocks() -> Iterator[tuple[Ranks, int]]:
        for part in blocks(wanted):
            left_out = None if excluded is None else excluded[part]
            ranks = rank_positions(queries[part], candidates, wanted[part], left_out, mode)
            yield ranks, part.stop - part.start

    return result_of(rank_blocks(), cutoffs, mode)


def _matrix(values: TensorLike, name: str) -> tf.Tensor:
    matrix = tf.convert_to_tensor(values)
    if not (matrix.dtype.is_floating or matrix.dtype.is_integer):
        raise ValueError(
            f"`{name}` must be embeddings [n, D] of numbers, received dtype={matrix.dtype.name}."
        )
    matrix = tf.cast(matrix, tf.float32)
    if matrix.shape.rank != 2 or not matrix.shape[0]:
        raise ValueError(
            f"`{name}` must be embeddings [n, D] with n >= 1, received shape {matrix.shape}."
        )
    return matrix
