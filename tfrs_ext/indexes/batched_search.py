"""Searches of candidates that are nowhere together: on disk, or on several servers."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.indexes.corpus_checks import as_numbers, check_candidates
from tfrs_ext.indexes.query_checks import as_positive, check_queries
from tfrs_ext.ops.grouped_top_k import top_k
from tfrs_ext.typing import TensorLike

Answer = tuple[npt.NDArray[np.float32], npt.NDArray[Any]]
"""Scores and ids, each `[B, K]`, best first."""


def merge_answers(answers: Sequence[tuple[TensorLike, TensorLike]], k: int) -> Answer:
    """Merges what several indexes found for the same queries, each in its part of the candidates.

    The result is that of one index over all candidates, if each answer holds the k best of its
    part, or all of a part that has fewer.

    Args:
        answers: Pairs of scores `[B, K]` float32, best first, and ids `[B, K]`.
        k: How many results are wanted.

    Returns:
        scores `[B, K]` and ids `[B, K]`, K being k or less where there are fewer. Of equal scores
        the earlier answer comes first.

    Raises:
        ValueError: Where there are no answers, a score is NaN, or `k` isn't a positive integer.

    Example:
        >>> one, other = ([[9.0, 4.0]], [[1, 2]]), ([[7.0, 5.0]], [[3, 4]])
        >>> merge_answers([one, other], k=3)[1].tolist()
        [[1, 3, 4]]
    """
    k = as_positive(k)
    if not answers:
        raise ValueError("`answers` must hold at least one answer, received none.")
    scores = np.concatenate([np.asarray(scores) for scores, _ in answers], axis=1)
    if np.isnan(scores).any():
        raise ValueError("`answers` must hold scores that are numbers, received NaN.")
    ids = np.concatenate([np.asarray(ids) for _, ids in answers], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)


def search_batches(queries: TensorLike, candidates: Iterable[Any], k: int = 10) -> Answer:
    """Finds the k candidates of largest dot product in batches that are never together in memory.

    `scores = queries @ candidates.T`, a batch of candidates at a time: exact, at the speed with
    which the candidates are read. For files, give `np.load(path, mmap_mode="r")` in slices.

    Args:
        queries: `[B, D]` embeddings. Many at a time share one pass over the candidates.
        candidates: Batches of embeddings `[N, D]`, or of pairs of ids `[N]` and embeddings
            `[N, D]`: what `Index.index_from_dataset` takes.
        k: How many results are wanted.

    Returns:
        scores `[B, min(k, C)]` float32 and ids of the same shape, best first; positions where the
        batches have no ids. Of equal scores the earlier candidate comes first.

    Raises:
        ValueError: Where there are no candidates, `k` isn't a positive integer, widths differ, or
            a number is NaN or infinite.

    Relations:
        `Exact` keeps the candidates in memory, `Sharded` in several indexes.

    Example:
        >>> batches = [np.eye(4, dtype=np.float32)[:2], np.eye(4, dtype=np.float32)[2:]]
        >>> search_batches([[0.0, 1.0, 3.0, 2.0]], batches, k=2)[1].tolist()
        [[2, 3]]
    """
    k = as_positive(k)
    embeddings = as_numbers(queries, "queries", "embeddings [B, D]")
    embeddings = check_queries(embeddings, embeddings.shape[-1], float(np.finfo(np.float32).max))
    best: list[Answer] = []
    position = 0
    for batch in candidates:
        ids, vectors = batch if isinstance(batch, tuple) else (None, batch)
        vectors = tf.cast(vectors, tf.float32)
        if vectors.shape.rank != 2 or vectors.shape[1] != embeddings.shape[-1]:
            raise ValueError(
                f"`candidates` must hold batches [N, {embeddings.shape[-1]}], as wide as the "
                f"queries, received shape={vectors.shape}."
            )
        if len(vectors) == 0:
            continue
        vectors = check_candidates(vectors)
        scores, columns = top_k(tf.matmul(embeddings, vectors, transpose_b=True), k)
        known = tf.range(position, position + len(vectors), dtype=tf.int64) if ids is None else ids
        best.append((scores.numpy(), np.asarray(tf.gather(known, columns))))
        position += len(vectors)
        best = [merge_answers(best, k)]
    if not best:
        raise ValueError("`candidates` must hold at least one candidate, received none.")
    return best[0]
