"""Logistic loss of every pair of the positive and a negative."""

from tfrs_ext._keras import keras
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.ops import objectives


@keras.saving.register_keras_serializable(package="tfrs_ext")
class PairwiseCrossEntropy(RetrievalLoss):
    """Asks of every negative, by itself, to score under the positive.

    `loss = mean_d softplus(s(d) - s(p))`, which is `-log sigmoid(s(p) - s(d))` of each pair.

    The mean is over the row's valid negatives. `log_q` is ignored: to weigh negatives by how they
    were drawn, choose a softmax. Regularisation, which BPR's article has, belongs to the layers.

    Args:
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Relations: optimizes AUC, where all ranks matter alike; a softmax minds the top of the list.
    `BPR` is the same formula under its name. `Triplet` stops at a margin.

    Example:
        >>> loss = PairwiseCrossEntropy(reduction="none")
        >>> loss([[1.0, 0.0, 0.0]], [[1.2, 0.3, -0.5]]).numpy().round(4)
        array([0.2545], dtype=float32)

    References:
        Burges et al., "Learning to rank using gradient descent", ICML 2005,
        doi:10.1145/1102351.1102363.
    """

    def __init__(
        self,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "pairwise_cross_entropy",
    ) -> None:
        super().__init__(reduction=reduction, name=name)

    @property
    def objective(self) -> objectives.Objective:
        """The mean logistic loss of the pairs."""
        return objectives.pairwise_logistic
