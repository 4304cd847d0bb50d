"""Bayesian personalized ranking: pairwise cross-entropy under its name."""

from tfrs_ext._keras import keras
from tfrs_ext.losses.pairwise_cross_entropy import PairwiseCrossEntropy


@keras.saving.register_keras_serializable(package="tfrs_ext")
class BPR(PairwiseCrossEntropy):
    """Bayesian personalized ranking's criterion, without its regularisation.

    `loss = mean_d -log sigmoid(s(p) - s(d))`, the formula of `PairwiseCrossEntropy`.

    The article draws one uniform negative for each positive and adds `lambda * |theta|^2`: give a
    pool of uniform negatives, and regularise the embeddings in their layers.

    Args:
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Relations: the baseline of the literature; softmax losses, sampled and corrected, rank better in
    most comparisons.

    Example:
        >>> loss = BPR(reduction="none")
        >>> loss([[1.0, 0.0]], [[2.0, 2.0]]).numpy().round(4)
        array([0.6931], dtype=float32)

    References:
        Rendle et al., "BPR: Bayesian personalized ranking from implicit feedback", UAI 2009,
        arXiv:1205.2618.
    """

    def __init__(
        self, reduction: str = keras.losses.Reduction.AUTO, name: str | None = "bpr"
    ) -> None:
        super().__init__(reduction=reduction, name=name)
