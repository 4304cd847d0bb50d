"""The products of all pairs of embeddings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DotInteraction(keras.layers.Layer):
    """Gives the inner product of each pair of several embeddings.

    `<e_i, e_j>` for `j < i`, pair by pair: (1, 0), (2, 0), (2, 1), (3, 0), ...

    Takes the arguments of `tfrs.layers.feature_interaction.DotInteraction` and gives the same
    values, in the same order.

    Args:
        self_interaction: Whether an embedding is also paired with itself: `j <= i`.
        skip_gather: Whether the result is the whole matrix of `n * n` products, row by row, with
            zeros for the pairs that are left out. It saves one gathering.

    Call arguments:
        inputs: A sequence of n embeddings, each `[B, D]`, floating point.

    Returns:
        `[B, P]` of the inputs' dtype, where P is `n (n - 1) / 2`, with `self_interaction`
        `n (n + 1) / 2`, and with `skip_gather` `n * n`.

    Raises:
        ValueError: The inputs are no sequence of two or more tensors of one shape `[B, D]`.

    Relations:
        `models.DLRM` is built on it; `Cross` learns weights for the pairs, and goes beyond pairs.

    Example:
        >>> one, other, third = tf.eye(3)[:, tf.newaxis]
        >>> DotInteraction()([one, one + other, other + third]).numpy().tolist()
        [[1.0, 0.0, 1.0]]

    References:
        M. Naumov et al., 2019. Deep Learning Recommendation Model for Personalization and
        Recommendation Systems. arXiv:1906.00091.
    """

    def __init__(
        self, self_interaction: bool = False, skip_gather: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.self_interaction = self_interaction
        self.skip_gather = skip_gather

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns the products `[B, P]`."""
        _check_inputs(inputs)
        rows = tf.stack(inputs, axis=1)
        products = tf.matmul(rows, rows, transpose_b=True)
        number = len(inputs)
        is_pair = np.tri(number, k=0 if self.self_interaction else -1, dtype=bool)
        if self.skip_gather:
            products = tf.where(is_pair, products, tf.zeros([], products.dtype))
        flat = tf.reshape(products, [-1, number * number])
        return flat if self.skip_gather else tf.gather(flat, np.flatnonzero(is_pair), axis=1)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "self_interaction": self.self_interaction,
            "skip_gather": self.skip_gather,
        }


def _check_inputs(inputs: Sequence[tf.Tensor] | tf.Tensor) -> None:
    wanted = "`inputs` must be a list of two or more embeddings [B, D] of one width"
    if not isinstance(inputs, (list, tuple)):
        raise ValueError(f"{wanted}, received one tensor of shape {np.shape(inputs)}.")
    shapes = [tuple(part.shape) for part in inputs]
    if (
        len(shapes) < 2
        or {len(shape) for shape in shapes} != {2}
        or len({s[1] for s in shapes}) > 1
    ):
        raise ValueError(f"{wanted}, received shapes {shapes}.")
