"""Whether recommendations are more than what everybody knows."""

import numpy as np
import tensorflow as tf

from tfrs_ext.typing import PositionLists, TensorLike


def novelty(recommendations: TensorLike, item_counts: TensorLike) -> float:
    """Returns the mean self-information of what is recommended, in bits.

    `mean of -log2(p(c))` with `p(c) = count(c) / Σ count`; the expected value for items
    drawn by popularity is its entropy. Candidates that nobody took count as taken once.

    Args:
        recommendations: `[Q, K]` positions of candidates; negative numbers are padding.
        item_counts: `[C]` how often each candidate occurs in training.

    Example:
        >>> novelty([[0, 1]], item_counts=[3, 1])
        1.207...

    References:
        Zhou et al.: Solving the apparent diversity-accuracy dilemma of recommender systems,
        PNAS 2010.
    """
    counts = np.maximum(np.asarray(item_counts, np.float64), 1.0)
    shown = np.asarray(recommendations)
    if not (shown >= 0).any():
        raise ValueError("`recommendations` must hold an item, received none.")
    return float(np.mean(np.log2(counts.sum()) - np.log2(counts[shown[shown >= 0]])))


def serendipity(
    recommendations: TensorLike, positives: PositionLists, expected: TensorLike
) -> float:
    """Returns the share of places that hold a hit which a primitive recommender would not give.

    `mean over queries of |(recommended and positive) without expected| / K`.

    Args:
        recommendations: `[Q, K]` positions of candidates; negative numbers are padding.
        positives: The positions of the candidates that each query should find: a list of lists, a
            `tf.RaggedTensor`, or `[Q, P]` with negative numbers as padding.
        expected: The positions of what is no surprise: `[E]` for all queries, such as the K most
            popular, or `[Q, E]`.

    Example:
        >>> serendipity([[0, 5], [0, 6]], positives=[[0, 5], [0]], expected=[0, 1])
        0.25

    References:
        Ge et al.: Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity,
        RecSys 2010.
    """
    if isinstance(positives, tf.RaggedTensor):
        positives = positives.to_list()
    lists, known = np.asarray(recommendations), np.asarray(expected)
    if len(positives) != len(lists):
        raise ValueError(
            f"`positives` must have an entry for each of the {len(lists)} queries, received "
            f"{len(positives)}."
        )
    known = np.broadcast_to(known, (len(lists), known.shape[-1]))
    surprises = [
        len(
            set(shown[shown >= 0].tolist())
            & {int(position) for position in wanted} - set(usual.tolist())
        )
        for shown, wanted, usual in zip(lists, positives, known, strict=True)
    ]
    return float(np.mean(surprises)) / lists.shape[1]
