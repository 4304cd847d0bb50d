"""Sampled softmax whose expected gradient is the full softmax's: the corrected logQ correction."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.retrieval_loss import RetrievalLoss, log_count_others
from tfrs_ext.ops import objectives
from tfrs_ext.ops.scores import LOWEST
from tfrs_ext.typing import TensorLike

_LARGEST_Q = -1e-6  # log Q of a positive that is drawn always: 1 - Q must not be 0.


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CorrectedSampledSoftmax(RetrievalLoss):
    """Softmax over sampled negatives with the corrected logQ correction.

    `loss = -s(p) + log(exp(s(p)) + 1/n * sum_d exp(s(d) - log Q'(d)))` over the row's negatives,
    with `Q'(d) = Q(d) / (1 - Q(p))`, as draws of the positive are dropped. `n` counts the draws of
    other items, those that a mask leaves out of the sum among them: they were drawn, too.

    The paper writes `-stop_gradient(1 - P) * log(exp(s(p)) / sum_d exp(s(d) - log Q'(d)))`, where
    `P` is the model's probability of the positive with `1/n` in it. Both have the same gradient,
    term by term. The value reported here is the first: it is an estimate of the full softmax's
    loss and never negative, while the paper's value has no lower bound and no meaning of its own.

    In a matrix of scores (`loss(y_true, y_pred)`) the positive must be uncorrected and a negative
    must be `s(d) - log Q'(d)`; `1/n` is added here, over the negatives that aren't masked. TFRS's
    `candidate_sampling_probability` corrects the positive too, which nothing can undo afterwards:
    use `tfrs_ext.tasks.Retrieval`.

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

    needs_log_q = True
    removes_accidental_hits = True
    counts_the_pool = True

    def __init__(
        self,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "corrected_sampled_softmax",
    ) -> None:
        super().__init__(reduction=reduction, name=name)

    @property
    def objective(self) -> objectives.Objective:
        """Softmax cross-entropy; `correct` gives the positive what makes the negatives a mean."""
        return objectives.softmax_cross_entropy

    def correct(
        self, positive: tf.Tensor, positives: Candidates, negatives: Candidates
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Subtracts log Q from the pool; the row's log(1 - Q(p)) / n goes to the other side."""
        drawn = tf.minimum(positives.known_log_q, _LARGEST_Q)
        log_missed = tf.math.log(-tf.math.expm1(drawn))
        log_n = log_count_others(positives, negatives)
        return positive - log_missed + log_n, -negatives.known_log_q

    def call(self, y_true: TensorLike, y_pred: TensorLike) -> tf.Tensor:
        """Computes the rows' losses `[B]` float32 from labels and scores, both `[B, C]`."""
        scores = tf.cast(tf.convert_to_tensor(y_pred), tf.float32)
        is_positive = tf.convert_to_tensor(y_true) > 0
        negatives = tf.cast((scores > LOWEST) & tf.logical_not(is_positive), tf.float32)
        log_n = tf.math.log(tf.maximum(tf.reduce_sum(negatives, axis=1, keepdims=True), 1.0))
        return super().call(y_true, tf.where(is_positive, scores + log_n, scores))
