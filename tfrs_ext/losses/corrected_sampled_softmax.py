"""Sampled softmax whose expected gradient is the full softmax's: the corrected logQ correction."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.ops import objectives

_LARGEST_Q = -1e-6  # log Q of a positive that is drawn always: 1 - Q must not be 0.


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CorrectedSampledSoftmax(RetrievalLoss):
    """Softmax over sampled negatives with the corrected logQ correction.

    `loss = -s(p) + log(exp(s(p)) + 1/n * sum_d exp(s(d) - log Q'(d)))` over the row's `n` valid
    negatives, with `Q'(d) = Q(d) / (1 - Q(p))`, as negatives equal to the positive are dropped.

    The paper writes `-stop_gradient(1 - P) * log(exp(s(p)) / sum_d exp(s(d) - log Q'(d)))`, where
    `P` is the model's probability of the positive with `1/n` in it. Both have the same gradient,
    term by term. The value reported here is the first: it is an estimate of the full softmax's
    loss and never negative, while the paper's value has no lower bound and no meaning of its own.

    In a matrix of scores (`loss(y_true, y_pred)`) the positive must be uncorrected and a negative
    must be `s(d) - log Q'(d)`; `1/n` is added here. TFRS's `candidate_sampling_probability`
    corrects the positive too, which nothing can undo afterwards: use `tfrs_ext.tasks.Retrieval`.

    Args:
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores, scaled and corrected.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Relations: the first choice wherever `log_q` of the negatives' source is known.
    `SampledSoftmax(correction="logq")` is TFRS's correction, biased where the model is already
    sure of the positive. `FullSoftmax` is what both estimate.

    Example:
        >>> loss = CorrectedSampledSoftmax(reduction="none")
        >>> # Two negatives count as one.
        >>> loss([[1.0, 0.0, 0.0]], [[2.0, 2.0, 2.0]]).numpy().round(4)
        array([0.6931], dtype=float32)

    References:
        Khrylchenko et al., "Correcting the LogQ correction: revisiting sampled softmax for
        large-scale retrieval", RecSys 2025, arXiv:2507.09331.
    """

    def __init__(
        self,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "corrected_sampled_softmax",
    ) -> None:
        super().__init__(reduction=reduction, name=name)

    @property
    def objective(self) -> objectives.Objective:
        """Softmax cross-entropy in which the negatives count as one."""
        return objectives.mean_softmax_cross_entropy

    def correct(
        self, positive: tf.Tensor, positives: Candidates, negatives: Candidates
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Subtracts log Q from the pool; the row's log(1 - Q(p)) goes to the other side."""
        drawn = tf.minimum(tf.cast(positives.log_q, tf.float32), _LARGEST_Q)
        log_missed = tf.math.log(-tf.math.expm1(drawn))
        return positive - log_missed, -negatives.log_q
