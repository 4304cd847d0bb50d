"""What losses of whole lists share: lists of any length, and what is no item."""

import abc
from typing import NamedTuple, Union

import tensorflow as tf

from tfrs_ext._keras import keras

Scores = Union[tf.Tensor, tf.RaggedTensor]
_LOWEST = -1e30  # As a score: of no weight in a softmax, and no infinity.


class Lists(NamedTuple):
    """Lists as losses compute with them.

    Attributes:
        labels: `[B, L]` float32, zero where there is no item.
        scores: `[B, L]` float32, the lowest where there is no item.
        is_item: `[B, L]` bool.
    """

    labels: tf.Tensor
    scores: tf.Tensor
    is_item: tf.Tensor


class ListwiseLoss(keras.losses.Loss, abc.ABC):
    """The base of Keras losses that see all items of a list at once.

    Lists may be of any length: ragged, or padded to one length, where a label that is negative or
    NaN says that there is no item. What the model scores such a place with doesn't matter.

    Args:
        reduction: How the losses of the lists become one, in the words of Keras's losses.
        name: The loss's name.

    Call arguments:
        y_true: `[B, L]` or ragged `[B, (L)]`, labels of 0 or more; negative or NaN for no item.
        y_pred: `[B, L]`, `[B, L, 1]` or ragged `[B, (L)]`, scores.
        sample_weight: `[B]`, the weights of the lists, or None for equal ones.

    Returns:
        The lists' losses `[B]`, reduced, in float32. A list without items has a loss of 0.

    Raises:
        ValueError: Labels and scores aren't of one shape, or one alone is ragged.
    """

    @abc.abstractmethod
    def per_list(self, lists: Lists) -> tf.Tensor:
        """Returns the loss of each list `[B]`."""

    def call(self, y_true: Scores, y_pred: Scores) -> tf.Tensor:
        """Returns the loss of each list `[B]`."""
        return self.per_list(_read_lists(y_true, y_pred))


def _read_lists(y_true: Scores, y_pred: Scores) -> Lists:
    wanted = "`y_true` and `y_pred` must be lists [B, L] of the same items"
    if isinstance(y_true, tf.RaggedTensor) != isinstance(y_pred, tf.RaggedTensor):
        ragged = "y_true" if isinstance(y_true, tf.RaggedTensor) else "y_pred"
        raise ValueError(f"{wanted}, received a ragged `{ragged}` alone: make both ragged or none.")
    labels, scores = (_as_dense(part, fill) for part, fill in ((y_true, -1.0), (y_pred, 0.0)))
    if scores.shape.rank == 3 and scores.shape[2] == 1:
        scores = tf.squeeze(scores, 2)
    if labels.shape.rank != 2 or not labels.shape.is_compatible_with(scores.shape):
        raise ValueError(f"{wanted}, received shapes {y_true.shape} and {y_pred.shape}.")
    is_item = labels >= 0  # NaN isn't.
    return Lists(tf.where(is_item, labels, 0.0), tf.where(is_item, scores, _LOWEST), is_item)


def _as_dense(values: Scores, fill: float) -> tf.Tensor:
    if isinstance(values, tf.RaggedTensor):
        values = values.to_tensor(tf.cast(fill, values.dtype))
    return tf.cast(values, tf.float32)
