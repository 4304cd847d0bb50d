"""How evenly recommendations use the catalogue."""

from typing import Any

import numpy as np
import numpy.typing as npt


def catalog_coverage(recommendations: Any, candidates: int) -> float:
    """Returns the share of the catalogue that is recommended to anybody.

    `coverage = |{c: c in any list}| / C`.

    Args:
        recommendations: `[Q, K]` row numbers of candidates; negative ones are padding.
        candidates: C.

    Relations:
        `exposure_gini` also sees how unevenly the covered candidates are shown.

    Example:
        >>> catalog_coverage([[0, 1], [0, 2]], candidates=4)
        0.75

    References:
        Ge et al.: Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity,
        RecSys 2010.
    """
    return float(np.mean(exposure(recommendations, candidates) > 0))


def exposure_gini(recommendations: Any, candidates: int) -> float:
    """Returns the Gini coefficient of how often candidates are recommended.

    `Σ_i (2i - C - 1) x_i / (C Σ x)` with ascending exposures x: 0 where all are shown alike,
    `1 - 1/C` where one takes all.

    Args:
        recommendations: `[Q, K]` row numbers of candidates; negative ones are padding.
        candidates: C; candidates that are never shown count as 0.

    Example:
        >>> exposure_gini([[0], [1]], candidates=2), exposure_gini([[0], [0]], candidates=2)
        (0.0, 0.5)

    References:
        Fleder and Hosanagar: Blockbuster Culture's Next Rise or Fall, Management Science 2009.
    """
    shown = np.sort(exposure(recommendations, candidates))
    if not shown.any():
        raise ValueError("`recommendations` must hold at least one row number, received none.")
    places = np.arange(1, candidates + 1)
    return float((2 * places - candidates - 1) @ shown / (candidates * shown.sum()))


def exposure(recommendations: Any, candidates: int) -> npt.NDArray[np.int64]:
    """Returns how often each candidate is recommended, `[C]`.

    Args:
        recommendations: `[Q, K]` row numbers of candidates; negative ones are padding.
        candidates: C.
    """
    rows = np.asarray(recommendations).ravel()
    if rows.size and rows.max() >= candidates:
        raise ValueError(
            f"`recommendations` must be row numbers below {candidates}, received {rows.max()}."
        )
    return np.bincount(rows[rows >= 0], minlength=candidates)
