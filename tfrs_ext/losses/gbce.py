"""Binary cross-entropy calibrated for how few of the items are sampled."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.losses.sampled_binary_cross_entropy import check_prior
from tfrs_ext.ops import objectives


@keras.saving.register_keras_serializable(package="tfrs_ext")
class GBCE(RetrievalLoss):
    """Generalised binary cross-entropy: the positive counts less, as the negatives are few.

    `loss = -1/(n+1) * (beta * log sigmoid(s(p)) + sum_d log(1 - sigmoid(s(d))))` with
    `beta = 1 - t + t * n / (num_items - 1)` over the row's `n` negatives.

    Negatives are meant to be uniform over the catalogue; `log_q` is ignored. A row without
    negatives has loss 0.

    Scores compare with `log((1 - prior) / prior)`, so that a score of 0 is the probability `prior`.
    With the article's 0.5 all scores must fall first: to about `-log(num_items)`, by one direction
    that all embeddings come to share, and where the towers read these embeddings, little else is
    seen of them for a long time. `prior=1 / num_items` spares that, and ranks no otherwise.

    Args:
        num_items: Items in the catalogue, at least 2.
        t: From 0, plain binary cross-entropy, to 1, probabilities that are fully calibrated. The
            article recommends 0.75 with 256 negatives.
        prior: The probability that a score of 0 stands for, between 0 and 1.
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores, which are taken as logits.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Raises:
        ValueError: Where `num_items` is under 2, `t` not in [0, 1], or `prior` not between 0 and 1.

    Relations: gSASRec's loss; `SampledBinaryCrossEntropy` is `t=0`. `CorrectedSampledSoftmax` needs
    no such constant and takes negatives from any source.

    Example:
        >>> loss = GBCE(num_items=100, reduction="none")
        >>> loss([[1.0, 0.0, 0.0]], [[1.2, 0.3, -0.5]]).numpy().round(4)
        array([0.4661], dtype=float32)

    References:
        Petrov and Macdonald, "gSASRec: reducing overconfidence in sequential recommendation trained
        with negative sampling", RecSys 2023, arXiv:2308.07192.
    """

    def __init__(
        self,
        num_items: int,
        t: float = 0.75,
        prior: float = 0.5,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "gbce",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        if num_items < 2:
            raise ValueError(f"`num_items` must be at least 2, received num_items={num_items}.")
        if not 0 <= t <= 1:
            raise ValueError(f"`t` must be in [0, 1], received t={t}.")
        check_prior(prior)
        self.num_items = num_items
        self.t, self.prior = t, prior

    @property
    def objective(self) -> objectives.Objective:
        """Binary cross-entropy in which the positive counts `beta`."""
        return objectives.binary_cross_entropy(self._beta, self.prior)

    def _beta(self, count: tf.Tensor) -> tf.Tensor:
        return 1.0 - self.t + self.t * count / (self.num_items - 1)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        own = {"num_items": self.num_items, "t": self.t, "prior": self.prior}
        return {**super().get_config(), **own}
