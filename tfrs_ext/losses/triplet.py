"""Hinge loss of the positive and a negative, with a margin."""

from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.ops import objectives

_MINING = {
    "all": objectives.hinge,
    "hard": objectives.hardest_hinge,
    "semi_hard": objectives.semi_hard_hinge,
}


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Triplet(RetrievalLoss):
    """Asks of negatives to score under the positive by a margin, and no more.

    `loss = max(0, margin + s(d) - s(p))`, the mean over all negatives `d` or that of a chosen one.

    Scores are similarities: use it with vectors of length 1 and margins under 1, or say by the
    margin how far apart plain inner products shall be. `log_q` is ignored.

    Args:
        margin: How far the positive's score must lie above a negative's, more than 0.
        mining: `"all"`: the mean over the row's negatives, satisfied ones counting 0; `"hard"`: the
            negative with the highest score; `"semi_hard"`: the highest that scores under the
            positive, and where none does, the lowest.
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Raises:
        ValueError: Where `margin` is not positive or `mining` is none of the three.

    Relations: `"hard"` finds false negatives as readily as hard ones, and may collapse early in
    training: begin with `"semi_hard"`. `PairwiseCrossEntropy` is the smooth form of `"all"`.

    Example:
        >>> loss = Triplet(margin=0.5, mining="hard", reduction="none")
        >>> loss([[1.0, 0.0, 0.0]], [[0.9, 0.7, 0.1]]).numpy().round(4)
        array([0.3], dtype=float32)

    References:
        Weinberger and Saul, "Distance metric learning for large margin nearest neighbor
        classification", JMLR 2009. Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015,
        arXiv:1503.03832.
    """

    def __init__(
        self,
        margin: float = 1.0,
        mining: str = "all",
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "triplet",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        if not margin > 0:
            raise ValueError(f"`margin` must be positive, received margin={margin}.")
        if mining not in _MINING:
            raise ValueError(f"`mining` must be one of {(*_MINING,)}, received mining={mining!r}.")
        self.margin = margin
        self.mining = mining

    @property
    def objective(self) -> objectives.Objective:
        """The hinge of the chosen negatives."""
        return _MINING[self.mining](self.margin)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "margin": self.margin, "mining": self.mining}
