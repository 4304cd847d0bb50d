"""The shape of embeddings: what accuracy doesn't show before it falls."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from tfrs_ext.typing import TensorLike

_VECTORS_IN_BLOCK = 1024
Matrix = npt.NDArray[np.float64]


def alignment(
    query_embeddings: TensorLike, positive_embeddings: TensorLike, alpha: float = 2.0
) -> float:
    """Returns how far positives are from their queries on the unit sphere: lower is better.

    `mean of ‖q/‖q‖ - p/‖p‖‖^alpha`.

    Args:
        query_embeddings: `[N, D]` floating point.
        positive_embeddings: `[N, D]`, the embedding of each query's positive.
        alpha: The power of the distance.

    Relations:
        `uniformity` is its counterweight: a collapsed model is perfectly aligned.

    Example:
        >>> alignment([[2.0, 0.0]], [[0.0, 3.0]])
        2.0...

    References:
        Wang and Isola: Understanding Contrastive Representation Learning through Alignment and
        Uniformity on the Hypersphere, ICML 2020.
    """
    queries, positives = _units(query_embeddings), _units(positive_embeddings)
    if queries.shape != positives.shape:
        raise ValueError(
            "`positive_embeddings` must have the shape of `query_embeddings`, received "
            f"{positives.shape} and {queries.shape}."
        )
    return float(np.mean(np.linalg.norm(queries - positives, axis=1) ** alpha))


def uniformity(embeddings: TensorLike, t: float = 2.0) -> float:
    """Returns how evenly embeddings fill the unit sphere: lower is better, 0 is collapse.

    `log of the mean over pairs i < j of exp(-t ‖e_i - e_j‖²)`, of unit vectors of one side.

    Args:
        embeddings: `[N, D]`, N >= 2; time grows with N², so give a sample of large tables.
        t: How sharply the weight of a pair falls with its distance.

    Example:
        >>> uniformity([[1.0, 0.0], [-1.0, 0.0]])
        -8.0

    References:
        Wang and Isola: Understanding Contrastive Representation Learning through Alignment and
        Uniformity on the Hypersphere, ICML 2020.
    """
    units = _units(embeddings)
    size = len(units)
    if size < 2:
        raise ValueError(f"`embeddings` must hold at least two vectors, received {size}.")
    total = 0.0
    for begin in range(0, size, _VECTORS_IN_BLOCK):
        block = units[begin : begin + _VECTORS_IN_BLOCK]
        distances = np.maximum(2.0 - 2.0 * block @ units[begin:].T, 0.0)
        # The block against itself and what follows it: above the diagonal, each pair is there once.
        total += np.sum(np.triu(np.exp(-t * distances), k=1))
    return float(np.log(total / (size * (size - 1) / 2)))


def effective_rank(embeddings: TensorLike) -> float:
    """Returns how many directions embeddings really use, between 1 and D.

    `exp of the entropy of the singular values` (normalised to sum 1).

    Args:
        embeddings: `[N, D]` floating point.

    Example:
        >>> round(effective_rank([[3.0, 0.0], [0.0, 3.0]]), 6)
        2.0

    References:
        Roy and Vetterli: The effective rank, EUSIPCO 2007. Garrido et al.: RankMe, ICML 2023.
    """
    values = np.linalg.svd(_matrix(embeddings), compute_uv=False)
    if not values.sum():
        raise ValueError("`embeddings` must not all be zero.")
    shares = values / values.sum()
    shares = shares[shares > 0]
    return float(np.exp(-np.sum(shares * np.log(shares))))


def norm_popularity_correlation(embeddings: TensorLike, item_counts: TensorLike) -> float:
    """Returns Spearman's correlation of the candidates' norms with their popularity.

    Near 1, the inner product ranks by popularity before it looks at the query.

    Args:
        embeddings: `[C, D]`, the candidates' embeddings.
        item_counts: `[C]` how often each candidate occurs in training.

    Example:
        >>> round(norm_popularity_correlation([[1.0], [3.0], [2.0]], [10, 30, 20]), 6)
        1.0
    """
    norms = np.linalg.norm(_matrix(embeddings), axis=1)
    left, right = (pd.Series(np.asarray(values)).rank() for values in (norms, item_counts))
    return float(left.corr(right))


def _units(embeddings: TensorLike) -> Matrix:
    vectors = _matrix(embeddings)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1.0)


def _matrix(embeddings: TensorLike) -> Matrix:
    matrix = np.asarray(embeddings, np.float64)
    if matrix.ndim != 2:
        raise ValueError(f"`embeddings` must be a matrix, received shape {matrix.shape}.")
    return matrix
