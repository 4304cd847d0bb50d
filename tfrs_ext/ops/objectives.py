"""What one row loses against its negatives, with its derivatives: the part that losses differ in.

An objective is a function of a block of rows, `(logits [b, N], positive [b], count [b])`, and
answers with `RowTerms`. `logits` hold `LOWEST` where a candidate is no negative of the row; `count`
is the number of the others, as floating point. A row without negatives has loss 0.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.ops.scores import LOWEST


class RowTerms(NamedTuple):
    """The loss of each row and its derivatives.

    Attributes:
        value: `[b]` the loss.
        weights: `[b, N]`; the derivative by `logits` is `coefficient[:, None] * weights`.
        coefficient: `[b]`, finite; 0 where the row has no negatives.
        slope: `[b]` the derivative by `positive`.
    """

    value: tf.Tensor
    weights: tf.Tensor
    coefficient: tf.Tensor
    slope: tf.Tensor


Objective = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], RowTerms]


def softmax_cross_entropy(logits: tf.Tensor, positive: tf.Tensor, count: tf.Tensor) -> RowTerms:
    """Cross-entropy of the positive against positive and negatives: `softplus(lse - positive)`."""
    softmax = tf.nn.softmax(logits)
    # The largest term of the softmax is exp(max - lse): no second pass of exponentials. What is
    # large is subtracted first, as small terms would drown in it.
    excess = -tf.math.log(tf.reduce_max(softmax, axis=1))
    margin = tf.where(count > 0, tf.reduce_max(logits, axis=1) - positive + excess, LOWEST)
    miss = tf.sigmoid(margin)
    return RowTerms(tf.math.softplus(margin), softmax, miss, -miss)


def pairwise_logistic(logits: tf.Tensor, positive: tf.Tensor, count: tf.Tensor) -> RowTerms:
    """The mean over the negatives of `softplus(logit - positive)`."""
    margins = logits - positive[:, None]
    weights, share = tf.sigmoid(margins), 1.0 / tf.maximum(count, 1.0)
    value = share * tf.reduce_sum(tf.math.softplus(margins), axis=1)
    return RowTerms(value, weights, share, -share * tf.reduce_sum(weights, axis=1))


def hinge(margin: float) -> Objective:
    """Makes the mean over the negatives of `max(0, margin + logit - positive)`."""

    def objective(logits: tf.Tensor, positive: tf.Tensor, count: tf.Tensor) -> RowTerms:
        excess = tf.nn.relu(margin + logits - positive[:, None])
        weights, share = tf.cast(excess > 0, logits.dtype), 1.0 / tf.maximum(count, 1.0)
        value = share * tf.reduce_sum(excess, axis=1)
        return RowTerms(value, weights, share, -share * tf.reduce_sum(weights, axis=1))

    return objective


def hardest_hinge(margin: float) -> Objective:
    """Makes `max(0, margin + logit - positive)` of the negative with the highest logit."""

    def objective(logits: tf.Tensor, positive: tf.Tensor, count: tf.Tensor) -> RowTerms:
        return _hinge_of(margin, logits, tf.reduce_max(logits, axis=1), positive, count)

    return objective


def semi_hard_hinge(margin: float) -> Objective:
    """Makes the hinge of the highest negative under the positive; of the lowest if none is."""

    def objective(logits: tf.Tensor, positive: tf.Tensor, count: tf.Tensor) -> RowTerms:
        under = tf.reduce_max(tf.where(logits < positive[:, None], logits, LOWEST), axis=1)
        lowest = tf.reduce_min(tf.where(logits > LOWEST, logits, -LOWEST), axis=1)
        chosen = tf.where(under > LOWEST, under, lowest)
        return _hinge_of(margin, logits, chosen, positive, count)

    return objective


def binary_cross_entropy(
    positive_share: Callable[[tf.Tensor], tf.Tensor], prior: float = 0.5
) -> Objective:
    """Makes the mean binary cross-entropy over the positive and its negatives.

    Args:
        positive_share: Gives the weight `[b]` of the positive's term from `count`.
        prior: The probability that a score of 0 stands for.
    """
    threshold = math.log1p(-prior) - math.log(prior)

    def objective(logits: tf.Tensor, positive: tf.Tensor, count: tf.Tensor) -> RowTerms:
        if threshold:
            logits, positive = logits - threshold, positive - threshold
        share = tf.where(count > 0, 1.0 / (count + 1.0), 0.0)
        weight = share * positive_share(count)
        negatives = share * tf.reduce_sum(tf.math.softplus(logits), axis=1)
        value = weight * tf.math.softplus(-positive) + negatives
        return RowTerms(value, tf.sigmoid(logits), share, -weight * tf.sigmoid(-positive))

    return objective


def _hinge_of(
    margin: float, logits: tf.Tensor, chosen: tf.Tensor, positive: tf.Tensor, count: tf.Tensor
) -> RowTerms:
    value = tf.where(count > 0, tf.nn.relu(margin + chosen - positive), 0.0)
    weights = tf.cast(tf.equal(logits, chosen[:, None]), logits.dtype)
    violates = tf.cast(value > 0, logits.dtype)
    # Negatives that tie share the gradient.
    coefficient = violates / tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)
    return RowTerms(value, weights, coefficient, -violates)
