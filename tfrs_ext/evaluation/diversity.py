"""How different the items of one list are from each other."""

import numpy as np

from tfrs_ext.typing import TensorLike


def intra_list_diversity(recommendations: TensorLike, embeddings: TensorLike) -> float:
    """Returns the mean cosine distance between two items of a list, averaged over the lists.

    `mean over queries of mean over pairs i < j of 1 - cos(e_i, e_j)`; lists with fewer than two
    items count nowhere.

    Args:
        recommendations: `[Q, K]` positions of candidates; negative numbers are padding.
        embeddings: `[C, D]`, the candidates' vectors: content features say more than the model's
            own embeddings, which its scores were made from.

    Example:
        >>> intra_list_diversity([[0, 1]], embeddings=[[1.0, 0.0], [0.0, 2.0]])
        1.0

    References:
        Ziegler et al.: Improving Recommendation Lists Through Topic Diversification, WWW 2005.
    """
    lists, vectors = np.asarray(recommendations), np.asarray(embeddings, np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1.0)
    sizes = np.sum(lists >= 0, axis=1)
    if not np.any(sizes > 1):
        raise ValueError("`recommendations` must have a list of two items, received none.")
    # The squared length of a sum of unit vectors is the sum of all their cosines.
    is_item = (lists >= 0)[..., np.newaxis]
    chosen = np.where(is_item, units[np.maximum(lists, 0)], 0.0)
    total = np.sum(np.sum(chosen, axis=1) ** 2, axis=1)
    itself = np.sum(chosen**2, axis=(1, 2))
    pairs = np.maximum(sizes * (sizes - 1), 1)
    return float(np.mean((1 - (total - itself) / pairs)[sizes > 1]))
