"""Whether recommendations are more than what everybody knows."""

from typing import Any

import numpy as np


def novelty(recommendations: Any, popularity: Any) -> float:
    """Returns the mean self-information of what is recommended, in bits.

    `mean of -log2(p(c))` with `p(c) = popularity(c) / Σ popularity`; the expected value for items
    drawn by popularity is its entropy. Candidates that nobody took count as taken once.

    Args:
        recommendations: `[Q, K]` row numbers of candidates; negative ones are padding.
        popularity: `[C]` how often each candidate was taken.

    Example:
        >>> novelty([[0, 1]], popularity=[3, 1])
        1.207...

    References:
        Zhou et al.: Solving the apparent diversity-accuracy dilemma of recommender systems,
        PNAS 2010.
    """
    counts = np.maximum(np.asarray(popularity, np.float64), 1.0)
    rows = np.asarray(recommendations)
    return float(np.mean(np.log2(counts.sum()) - np.log2(counts[rows[rows >= 0]])))


def serendipity(recommendations: Any, positives: Any, expected: Any) -> float:
    """Returns the share of places that hold a hit which a primitive recommender would not give.

    `mean over queries of |(recommended and positive) without expected| / K`.

    Args:
        recommendations: `[Q, K]` row numbers of candidates; negative ones are padding.
        positives: For each query, the row numbers that it should find: a list of lists, or `[Q, P]`
            with negative numbers as padding.
        expected: What is no surprise: `[E]` row numbers for all queries, such as the K most
            popular, or `[Q, E]`.

    Example:
        >>> serendipity([[0, 5], [0, 6]], positives=[[0, 5], [0]], expected=[0, 1])
        0.25

    References:
        Ge et al.: Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity,
        RecSys 2010.
    """
    lists, known = np.asarray(recommendations), np.asarray(expected)
    if len(positives) != len(lists):
        raise ValueError(
            f"`positives` must have a row for each of the {len(lists)} queries, received "
            f"{len(positives)}."
        )
    known = np.broadcast_to(known, (len(lists), known.shape[-1]))
    surprises = [
        len(set(shown[shown >= 0].tolist()) & {int(row) for row in wanted} - set(usual.tolist()))
        for shown, wanted, usual in zip(lists, positives, known, strict=True)
    ]
    return float(np.mean(surprises)) / lists.shape[1]
