"""Softmax over the positive and sampled negatives, as drawn or with the logQ correction."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.ops import objectives

_CORRECTIONS = (None, "logq", "logq_if_known")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class SampledSoftmax(RetrievalLoss):
    """Cross-entropy of the positive against itself and the negatives.

    `loss = -s(p) + log(exp(s(p)) + sum_d exp(s(d)))`; with `correction="logq"` every score, the
    positive's too, is `s - log Q`, as in TFRS.

    In a matrix of scores (`loss(y_true, y_pred)`) the correction must have been made already.

    Args:
        correction: None; `"logq"`, which subtracts the log-probability of being drawn; or
            `"logq_if_known"`, which does so where it is known, as TFRS does, and says nothing
            where it isn't. Without a correction, in-batch training teaches that popular items are
            wrong more often than they are.
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores, scaled and corrected.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Relations: `CorrectedSampledSoftmax` estimates the full softmax's gradient without the bias
    that either setting has here: prefer it wherever `log_q` is known. `FullSoftmax` where the
    whole catalogue fits into a step. `InfoNCE` adds the direction from item to query.

    Example:
        >>> loss = SampledSoftmax(reduction="none")
        >>> loss([[1.0, 0.0]], [[2.0, 2.0]]).numpy().round(4)
        array([0.6931], dtype=float32)

    References:
        Bengio and Senécal, "Quick training of probabilistic neural nets by importance sampling",
        2003. Yi et al., "Sampling-bias-corrected neural modeling for large corpus item
        recommendations", RecSys 2019, doi:10.1145/3298689.3346996.
    """

    def __init__(
        self,
        correction: str | None = None,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "sampled_softmax",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        if correction not in _CORRECTIONS:
            raise ValueError(
                f"`correction` must be one of {_CORRECTIONS}, received correction={correction!r}."
            )
        self.correction = correction
        self.needs_log_q = correction == "logq"

    @property
    def objective(self) -> objectives.Objective:
        """Softmax cross-entropy."""
        return objectives.softmax_cross_entropy

    def correct(
        self, positive: tf.Tensor, positives: Candidates, negatives: Candidates
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Subtracts log Q from all logits, or leaves them."""
        is_known = positives.log_q is not None and negatives.log_q is not None
        if self.correction is None or (self.correction == "logq_if_known" and not is_known):
            return positive, None
        return positive - positives.known_log_q, -negatives.known_log_q

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "correction": self.correction}
