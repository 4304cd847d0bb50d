"""Softmax cross-entropy over the items of a list, and ListNet."""

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.losses.listwise_loss import Lists, ListwiseLoss
from tfrs_ext.typing import Config

_TARGETS = ("share", "softmax")
_LOWEST = -1e30


@keras.saving.register_keras_serializable(package="tfrs_ext")
class ListSoftmax(ListwiseLoss):
    """Teaches scores to give each item of a list its share of the probability.

    `-sum_i p_i log softmax(s)_i`, with `p_i = y_i / sum_j y_j`, or `p = softmax(y)` in ListNet.

    Args:
        target: What labels become: "share", of which 0 gives nothing, or "softmax", ListNet's
            probability that an item comes first, in which grades have a distance.
        reduction: How the losses of the lists become one, in the words of Keras's losses.
        name: The loss's name.

    Call arguments:
        y_true: `[B, L]` or ragged `[B, (L)]`, labels of 0 or more; negative or NaN for no item.
        y_pred: `[B, L]`, `[B, L, 1]` or ragged `[B, (L)]`, scores.
        sample_weight: `[B]`, the weights of the lists, or None for equal ones.

    Returns:
        The lists' losses `[B]`, reduced, in float32. A list without a positive label has a loss of
        0 with "share", and one without items always.

    Raises:
        ValueError: `target` is another word, or labels and scores aren't of one shape.

    Relations:
        `LambdaLoss` bounds NDCG. `SampledSoftmax` is the loss of a retriever, whose lists are
        drawn. `evaluation.evaluate_rankings` tells what lists are worth.

    Example:
        >>> loss = ListSoftmax()
        >>> round(float(loss([[1.0, 0.0, -1.0]], [[0.0, 0.0, 9.0]])), 4)  # log 2
        0.6931

    References:
        Z. Cao et al., 2007. Learning to Rank: From Pairwise Approach to Listwise Approach. ICML.
        S. Bruch et al., 2019. An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank
        with Binary Relevance. ICTIR.
    """

    def __init__(
        self, target: str = "share", reduction: str = "auto", name: str = "list_softmax"
    ) -> None:
        super().__init__(reduction=reduction, name=name)
        if target not in _TARGETS:
            raise ValueError(f"`target` must be one of {_TARGETS}, received {target=}.")
        self.target = target

    def per_list(self, lists: Lists) -> tf.Tensor:
        """Returns the loss of each list `[B]`."""
        if self.target == "share":
            total = tf.reduce_sum(lists.labels, axis=1, keepdims=True)
            shares = tf.math.divide_no_nan(lists.labels, total)
        else:
            shares = tf.nn.softmax(tf.where(lists.is_item, lists.labels, _LOWEST))
            shares = tf.where(lists.is_item, shares, 0.0)
        # Without items, all scores are equally low.
        return -tf.reduce_sum(shares * tf.nn.log_softmax(lists.scores), axis=1)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {**super().get_config(), "target": self.target}
