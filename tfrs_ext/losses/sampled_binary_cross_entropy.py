"""Binary cross-entropy of the positive and its negatives, each by itself."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.ops import objectives


@keras.saving.register_keras_serializable(package="tfrs_ext")
class SampledBinaryCrossEntropy(RetrievalLoss):
    """Classifies the positive as 1 and every negative as 0.

    `loss = -1/(n+1) * (log sigmoid(s(p)) + sum_d log(1 - sigmoid(s(d))))` over `n` negatives.

    A row without negatives has loss 0, as in every loss here. `log_q` is ignored.

    Args:
        prior: The probability that a score of 0 stands for, between 0 and 1; `GBCE` says more.
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores, which are taken as logits.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Raises:
        ValueError: Where `prior` is not between 0 and 1.

    Relations: SASRec's loss. With few of many items as negatives it overestimates probabilities
    of all items near the top, which hurts ranking: `GBCE` mends that, softmax losses do not have
    it. Scores compare with `log((1 - prior) / prior)`, which is 0 by default, so embeddings of
    length 1 need a scale.

    Example:
        >>> loss = SampledBinaryCrossEntropy(reduction="none")
        >>> loss([[1.0, 0.0, 0.0]], [[1.2, 0.3, -0.5]]).numpy().round(4)
        array([0.5306], dtype=float32)

    References:
        Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018, arXiv:1808.09781.
    """

    def __init__(
        self,
        prior: float = 0.5,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "sampled_binary_cross_entropy",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        check_prior(prior)
        self.prior = prior

    @property
    def objective(self) -> objectives.Objective:
        """Binary cross-entropy in which the positive counts as one negative does."""
        return objectives.binary_cross_entropy(tf.ones_like, self.prior)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "prior": self.prior}


def check_prior(prior: float) -> None:
    """Raises ValueError unless the probability of a score of 0 is one that a score can have."""
    if not 0 < prior < 1:
        raise ValueError(f"`prior` must be between 0 and 1, received prior={prior}.")
