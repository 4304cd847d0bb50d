"""LambdaLoss: pairs weighted by what their order means for NDCG."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.losses.listwise_loss import Lists, ListwiseLoss
from tfrs_ext.typing import Config

_WEIGHTINGS = ("lambdarank", "ndcg_loss2", "ndcg_loss2++")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class LambdaLoss(ListwiseLoss):
    """Teaches scores to order a list so that its NDCG is high.

    `sum_{y_i > y_j} w_ij log2(1 + exp(-sigma (s_i - s_j)))`, over the pairs of a list.

    With the gains `G_i = (2^y_i - 1) / maxDCG` and the discounts `D(r) = log2(1 + r)` of the ranks
    `r` that the scores give now, the weight of a pair, which carries no gradient, is

    | weighting | `w_ij` |
    |---|---|
    | "lambdarank" | `rho_ij abs(G_i - G_j)` with `rho_ij = abs(1/D(r_i) - 1/D(r_j))` |
    | "ndcg_loss2" | `delta_ij abs(G_i - G_j)` with `delta_ij = 1/D(d) - 1/D(d + 1)` |
    | "ndcg_loss2++" | `(rho_ij + mu delta_ij) abs(G_i - G_j)` |

    where `d = abs(r_i - r_j)`. The second bounds the cost of NDCG, the third is the tightest in
    the paper's experiments.

    Args:
        weighting: One of the three above.
        sigma: The steepness of the logistic loss.
        mu: The weight of the bound in "ndcg_loss2++".
        reduction: How the losses of the lists become one, in the words of Keras's losses.
        name: The loss's name.

    Call arguments:
        y_true: `[B, L]` or ragged `[B, (L)]`, grades of 0 or more; negative or NaN for no item.
        y_pred: `[B, L]`, `[B, L, 1]` or ragged `[B, (L)]`, scores. Of equal scores the earlier
            item has the better rank.
        sample_weight: `[B]`, the weights of the lists, or None for equal ones.

    Returns:
        The lists' losses `[B]`, reduced, in float32. A list with equal labels has a loss of 0.

    Raises:
        ValueError: An argument is out of range, or labels and scores aren't of one shape.

    Relations:
        `ListSoftmax` costs L and not L^2 a list.

    Example:
        >>> loss = LambdaLoss("lambdarank")
        >>> round(float(loss([[1.0, 0.0]], [[0.0, 0.0]])), 4)  # 1 - 1 / log2(3)
        0.3691

    References:
        X. Wang et al., 2018. The LambdaLoss Framework for Ranking Metric Optimization. CIKM.
    """

    def __init__(
        self,
        weighting: str = "ndcg_loss2++",
        sigma: float = 1.0,
        mu: float = 10.0,
        reduction: str = "auto",
        name: str = "lambda_loss",
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        if weighting not in _WEIGHTINGS:
            raise ValueError(f"`weighting` must be one of {_WEIGHTINGS}, received {weighting=}.")
        if sigma <= 0 or mu < 0:
            raise ValueError(
                f"`sigma` must be positive and `mu` not negative, received {sigma=} and {mu=}."
            )
        self.weighting, self.sigma, self.mu = weighting, sigma, mu

    def per_list(self, lists: Lists) -> tf.Tensor:
        """Returns the loss of each list `[B]`."""
        labels, scores = lists.labels, lists.scores
        is_pair = _differences(labels) > 0
        is_pair &= lists.is_item[:, :, tf.newaxis] & lists.is_item[:, tf.newaxis, :]
        gaps = tf.where(is_pair, _differences(scores), 0.0)
        losses = tf.nn.softplus(-self.sigma * gaps) / tf.math.log(2.0)
        weights = tf.where(is_pair, self._weigh(labels, scores), 0.0)
        return tf.reduce_sum(tf.stop_gradient(weights) * losses, axis=[1, 2])

    def _weigh(self, labels: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        ranks = _ranks(scores)
        gains = tf.pow(2.0, labels) - 1.0
        ideal = gains / _discount(_ranks(labels))
        gains = tf.math.divide_no_nan(gains, tf.reduce_sum(ideal, axis=1, keepdims=True))
        rho = tf.abs(_differences(1 / _discount(ranks)))
        # An item's distance from itself is 0, where no discount is defined.
        distance = tf.maximum(tf.abs(_differences(ranks)), 1.0)
        delta = 1 / _discount(distance) - 1 / _discount(distance + 1)
        factor = {
            "lambdarank": rho,
            "ndcg_loss2": delta,
            "ndcg_loss2++": rho + self.mu * delta,
        }[self.weighting]
        return factor * tf.abs(_differences(gains))

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        own = {"weighting": self.weighting, "sigma": self.sigma, "mu": self.mu}
        return {**super().get_config(), **own}


def _differences(values: tf.Tensor) -> tf.Tensor:
    """Returns `[B, L, L]`, `x_i - x_j`."""
    return values[:, :, tf.newaxis] - values[:, tf.newaxis, :]


def _discount(ranks: tf.Tensor) -> tf.Tensor:
    return tf.math.log(1.0 + ranks) / tf.math.log(2.0)


def _ranks(values: tf.Tensor) -> tf.Tensor:
    """Returns the ranks `[B, L]` float32 from 1, the largest value first."""
    order = tf.argsort(values, axis=1, direction="DESCENDING", stable=True)
    return tf.cast(tf.argsort(order, axis=1), tf.float32) + 1.0
