"""Softmax distributions that are pushed away from a batch's mean, or by a bonus."""

import tensorflow as tf

from tfrs_ext.typing import TensorLike


def recovering_difference_softmax(
    logits: TensorLike, alpha: float = 0.5, *, project: bool = False
) -> tf.Tensor:
    """Returns softmax rows, moved away from the mean row of the batch.

    `p + alpha (p - mean of p over the batch)`, each row divided by its sum.

    This is the formula as articles on notifications print it. Three things to know: a row's sum is
    1 before the division already; entries can leave [0, 1], and then a row is no distribution; and
    a row's result depends on the rest of the batch, so that one request alone gives the softmax.

    Args:
        logits: `[B, C]` floating point.
        alpha: How far rows are moved; 0 gives the softmax.
        project: Whether negative entries become 0, and rows are divided by their sums again, which
            makes distributions of them.

    Returns:
        `[B, C]` of the logits' dtype, or float32 for integers and lists.

    Relations:
        `bonus_softmax` gives distributions that don't depend on the batch.
        `bandits.RecoveringDifferenceSoftmax` is the bandit of the KDD article with a similar name.

    Example:
        >>> recovering_difference_softmax([[3.0, 1.0, 0.0], [0.0, 3.0, 0.0]]).numpy().round(3)
        array([[ 1.043, -0.085,  0.041],
               [-0.154,  1.108,  0.046]], dtype=float32)
    """
    logits = tf.convert_to_tensor(logits)
    logits = logits if logits.dtype.is_floating else tf.cast(logits, tf.float32)
    p = tf.nn.softmax(logits)
    moved = p + tf.cast(alpha, p.dtype) * (p - tf.reduce_mean(p, axis=0, keepdims=True))
    if project:
        moved = tf.nn.relu(moved)
    return moved / tf.reduce_sum(moved, axis=1, keepdims=True)


def bonus_softmax(logits: TensorLike, bonus: TensorLike) -> tf.Tensor:
    """Returns `softmax(logits + bonus)`: a distribution in each row, whatever the bonus.

    Args:
        logits: `[B, C]` floating point.
        bonus: `[B, C]` or `[C]`, what is added: positive for what should be chosen more often, such
            as an arm that was rare lately, negative for what a user has just seen.

    Returns:
        `[B, C]` of the logits' dtype, or float32 for integers and lists.

    Example:
        >>> bonus_softmax([[2.0, 1.0, 0.5]], [0.0, 0.0, 0.0]).numpy().round(4)
        array([[0.6285, 0.2312, 0.1402]], dtype=float32)
    """
    logits = tf.convert_to_tensor(logits)
    logits = logits if logits.dtype.is_floating else tf.cast(logits, tf.float32)
    return tf.nn.softmax(logits + tf.cast(bonus, logits.dtype))
