"""What one row loses against its negatives, with its derivatives: the part that losses differ in.

An objective is a function of a block of rows, `(logits [b, N], positive [b], count [b])`, and
answers with `RowTerms`. `logits` hold `MASKED` where a candidate is no negative of the row; `count`
is the number of the others, as floating point. A row without negatives has loss 0.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

MASKED = -1e30  # Far below any logit, and far from overflow when something is subtracted from it.


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
    # The largest term of the softmax is exp(max - lse): no second pass of exponentials.
    lse = tf.reduce_max(logits, axis=1) - tf.math.log(tf.reduce_max(softmax, axis=1))
    margin = tf.where(count > 0, lse - positive, MASKED)
    miss = tf.sigmoid(margin)
    return RowTerms(tf.math.softplus(margin), softmax, miss, -miss)


def mean_softmax_cross_entropy(
    logits: tf.Tensor, positive: tf.Tensor, count: tf.Tensor
) -> RowTerms:
    """Cross-entropy with the mean over the negatives, `softplus(lse - log(count) - positive)`."""
    return softmax_cross_entropy(logits, positive + log_count(count), count)


def log_count(count: tf.Tensor) -> tf.Tensor:
    """The logarithm of a number of negatives, 0 where there are none."""
    return tf.math.log(tf.maximum(count, 1.0))
