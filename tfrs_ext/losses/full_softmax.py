"""Softmax over the whole catalogue."""

from tfrs_ext._keras import keras
from tfrs_ext.losses.retrieval_loss import RetrievalLoss
from tfrs_ext.ops import objectives


@keras.saving.register_keras_serializable(package="tfrs_ext")
class FullSoftmax(RetrievalLoss):
    """Cross-entropy of the positive against every item of the catalogue.

    `loss = -s(p) + log(sum_i exp(s(i)))` over all items `i`, the positive among them once.

    Pass the whole catalogue, each item once, as `negatives`: the positive is found by its id and
    counted once. `log_q` is ignored, as nothing is sampled. Memory is for one block of scores; the
    arithmetic is for all items, so catalogues over a few 100,000 want a sampled loss.

    Args:
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scores of the whole catalogue.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Relations: `CorrectedSampledSoftmax` estimates it from a sample. Over a batch or a sample this
    class is `SampledSoftmax(correction=None)`.

    Example:
        >>> loss = FullSoftmax(reduction="none")
        >>> loss([[0.0, 1.0, 0.0]], [[2.0, 2.0, 2.0]]).numpy().round(4)
        array([1.0986], dtype=float32)

    References:
        Covington, Adams and Sargin, "Deep neural networks for YouTube recommendations", RecSys
        2016, doi:10.1145/2959100.2959190.
    """

    removes_accidental_hits = True
    wants_whole_catalogue = True

    def __init__(
        self, reduction: str = keras.losses.Reduction.AUTO, name: str | None = "full_softmax"
    ) -> None:
        super().__init__(reduction=reduction, name=name)

    @property
    def objective(self) -> objectives.Objective:
        """Softmax cross-entropy."""
        return objectives.softmax_cross_entropy
