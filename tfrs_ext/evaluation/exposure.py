"""How evenly recommendations use the catalogue."""

import numpy as np
import numpy.typing as npt

from tfrs_ext.typing import TensorLike


def catalog_coverage(recommendations: TensorLike, num_candidates: int) -> float:
    """Returns the share of the catalogue that is recommended to anybody.

    `coverage = |{c: c in any list}| / C`.

    Args:
        recommendations: `[Q, K]` positions of candidates; negative numbers are padding.
        num_candidates: C, the size of the catalogue.

    Relations:
        `exposure_gini` also sees how unevenly the covered candidates are shown.

    Example:
        >>> catalog_coverage([[0, 1], [0, 2]], num_candidates=4)
        0.75

    References:
        Ge et al.: Beyond Accuracy: Evaluating Recommender Systems by Coverage and Serendipity,
        RecSys 2010.
    """
    return float(np.mean(exposure(recommendations, num_candidates) > 0))


def exposure_gini(recommendations: TensorLike, num_candidates: int) -> float:
    """Returns the Gini coefficient of how often candidates are recommended.

    `Σ_i (2i - C - 1) x_i / (C Σ x)` with ascending exposures x: 0 where all are shown alike,
    `1 - 1/C` where one takes all.

    Args:
        recommendations: `[Q, K]` positions of candidates; negative numbers are padding.
        num_candidates: C, the size of the catalogue; what is never shown counts as 0.

    Example:
        >>> exposure_gini([[0], [1]], num_candidates=2), exposure_gini([[0], [0]], num_candidates=2)
        (0.0, 0.5)

    References:
        Fleder and Hosanagar: Blockbuster Culture's Next Rise or Fall, Management Science 2009.
    """
    shown = np.sort(exposure(recommendations, num_candidates))
    if not shown.any():
        raise ValueError("`recommendations` must hold at least one position, received none.")
    places = np.arange(1, num_candidates + 1)
    return float((2 * places - num_candidates - 1) @ shown / (num_candidates * shown.sum()))


def exposure(recommendations: TensorLike, num_candidates: int) -> npt.NDArray[np.int64]:
    """Returns how often each candidate is recommended, `[C]`.

    Args:
        recommendations: `[Q, K]` positions of candidates; negative numbers are padding.
        num_candidates: C, the size of the catalogue.
    """
    positions = np.asarray(recommendations).ravel()
    if positions.size and positions.max() >= num_candidates:
        raise ValueError(
            f"`recommendations` must be positions below {num_candidates}, received "
            f"{positions.max()}."
        )
    return np.bincount(positions[positions >= 0], minlength=num_candidates)
