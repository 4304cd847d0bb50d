"""How much better than another model an AUC is, counted from chance."""

import math


def rela_impr(auc: float, base_auc: float) -> float:
    """Returns `(auc - 1/2) / (base_auc - 1/2) - 1`: 0.1 says 10% more above chance.

    Args:
        auc: AUC or GAUC of the model.
        base_auc: AUC or GAUC of the model that it is compared with.

    Raises:
        ValueError: A value is outside [0, 1], or the base model is no better than chance.

    Example:
        >>> round(rela_impr(0.7348, 0.73), 4)  # DIN with Dice over its base, MovieLens
        0.0209

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
    """
    if not (0 <= auc <= 1 and math.isfinite(auc)):
        raise ValueError(f"`auc` must be in [0, 1], received {auc=}.")
    if not 0.5 < base_auc <= 1:
        raise ValueError(
            f"`base_auc` must be in (0.5, 1], received {base_auc=}: nothing can be compared with "
            "a model that is no better than chance."
        )
    return (auc - 0.5) / (base_auc - 0.5) - 1
