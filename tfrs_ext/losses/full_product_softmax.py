"""Full product softmax: every query of a batch with every item, selected by relevance."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses.directed_softmax import BOTH, DirectedSoftmax, check_direction
from tfrs_ext.typing import TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class FullProductSoftmax(DirectedSoftmax):
    """Softmax over the product of a batch's queries and items, in rows with relevance.

    `loss_k = -[r_k > 0] * log softmax(alpha * <u_k, w> + beta)_k`, along the rows of the product
    (from query to item), its columns, or the mean of both.

    Pairs without relevance (`r <= 0`: shown and not taken, say) are no positives, but their items
    and queries stay negatives of the others. Relevance is the `sample_weight` of `per_query`, and
    the entry of `y_true` in a matrix of scores; only its sign counts. Rows that are not selected
    have loss 0, and Keras's mean counts them.

    `alpha` is the task's scale (a learnable temperature makes it learnable). A single `beta`
    cancels in the softmax and has no gradient; a bias per item matters, and
    `correction="logq"` is the one that has a reason: `beta_j = -log Q(j)`.

    Args:
        direction: `"query_to_item"`, `"item_to_query"` or `"both"`.
        correction: None, or `"logq"`, for the direction from query to item.
        reduction: Keras's reduction of the rows.
        name: Name of the loss.

    Call arguments:
        y_true: `[B, C]` relevance, in one column a row above 0, or in none.
        y_pred: `[B, C]` scaled scores.
        sample_weight: `[B]` weights of the rows.

    Returns:
        A scalar, or `[B]` float32 where the reduction is `none`.

    Raises:
        ValueError: Where `direction` or `correction` is none of the given ones, or `per_query` gets
            a `mask` while items look for queries.

    Relations: with all pairs relevant it is `InfoNCE(symmetric=True)`. Vectors are used as they
    are, which needs their lengths regularised: else use cosine similarity.

    Example:
        >>> loss = FullProductSoftmax("query_to_item", reduction="none")
        >>> loss([[1.0, 0.0], [0.0, 0.0]], [[2.0, 2.0], [0.0, 9.0]]).numpy().round(4)
        array([0.6931, 0.    ], dtype=float32)

    References:
        Radford et al., "Learning transferable visual models from natural language supervision"
        (CLIP), ICML 2021, arXiv:2103.00020, for both directions over one product.
    """

    def __init__(
        self,
        direction: str = BOTH,
        correction: str | None = None,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str | None = "full_product_softmax",
    ) -> None:
        super().__init__(correction=correction, reduction=reduction, name=name)
        self.direction = check_direction(direction)

    def per_query(
        self,
        query_embeddings: tf.Tensor,
        positives: Candidates,
        negatives: Candidates,
        *,
        scale: TensorLike | None = None,
        mask: TensorLike | None = None,
        sample_weight: TensorLike | None = None,
        num_hard_negatives: int | None = None,
        all_queries: Candidates | None = None,
    ) -> tf.Tensor:
        """Computes each query's loss; `sample_weight` is the relevance `[B]`, of any sign."""
        if sample_weight is not None:
            sample_weight = tf.cast(tf.convert_to_tensor(sample_weight) > 0, tf.float32)
        return super().per_query(
            query_embeddings,
            positives,
            negatives,
            scale=scale,
            mask=mask,
            sample_weight=sample_weight,
            num_hard_negatives=num_hard_negatives,
            all_queries=all_queries,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {**super().get_config(), "direction": self.direction}
