"""InfoNCE: the contrastive softmax over a batch, one-sided or symmetric."""

from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.losses.directed_softmax import BOTH, QUERY_TO_ITEM, DirectedSoftmax


@keras.saving.register_keras_serializable(package="tfrs_ext")
class InfoNCE(DirectedSoftmax):
    """Tells the pairs of a batch from all other combinations.

    `loss = -s(p) + log(exp(s(p)) + sum_d exp(s(d)))`; symmetric, the mean of it and of the same
    from item to query, where the negatives are the queries of the batch with another positive.

    Meant for vectors of length 1 and a temperature well under 1, fixed or learnable: both are the
    task's (`tfrs_ext.tasks.Retrieval(temperature=...)`), so the scores arrive scaled.

    Args:
        symmetric: Whether items look for their queries too, as in CLIP.
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` labels, one positive a row above 0.
        y_pred: `[B, C]` scaled scores.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Raises:
        ValueError: Where a symmetric loss gets a `mask` in `per_query`.

    Relations: one-sided it is `SampledSoftmax(correction=None)`, and as biased against popular
    items: `CorrectedSampledSoftmax` mends that. `FullProductSoftmax` adds relevance and logQ.

    Example:
        >>> loss = InfoNCE(symmetric=True, reduction="none")
        >>> loss([[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]]).numpy().round(4)
        array([0.5032, 0.5032], dtype=float32)

    References:
        van den Oord, Li and Vinyals, "Representation learning with contrastive predictive coding",
        2018, arXiv:1807.03748. Radford et al., "Learning transferable visual models from natural
        language supervision" (CLIP), ICML 2021, arXiv:2103.00020.
    """

    def __init__(
        self,
        symmetric: bool = False,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "info_nce",
    ) -> None:
        super().__init__(correction=None, reduction=reduction, name=name)
        self.symmetric = symmetric
        self.direction = BOTH if symmetric else QUERY_TO_ITEM

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {"reduction": self.reduction, "name": self.name, "symmetric": self.symmetric}
