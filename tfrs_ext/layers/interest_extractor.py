"""The first recurrent layer of DIEN, and its auxiliary loss."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.arguments import Initializer, Masks, Sequences, Shapes, each_shape, mask_of
from tfrs_ext.typing import Config, Training

_REDUCTIONS = ("paper", "authors")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class InterestExtractor(keras.layers.Layer):
    """Turns behaviours into states of interest, which are asked to foretell the next behaviour.

    A GRU over `e_1 ... e_L`. Where negatives are given, the layer adds the loss
    `w / B * sum_b sum_t [softplus(-s(h_t, e_{t+1})) + softplus(s(h_t, n_{t+1}))]` over the steps
    that are no padding; `s` is the inner product (the paper), or a network on `[h, e]` (the
    authors' code).

    Args:
        units: Width of the states; that of the behaviours unless there are `auxiliary_units`.
        auxiliary_units: Widths of the hidden layers, sigmoid, of the network `s`: (100, 50) in
            the authors' code. None for the inner product.
        auxiliary_weight: The factor `w` of the loss.
        auxiliary_reduction: "paper" sums the steps of a row and takes the mean over the `B` rows.
            "authors" takes the mean over all `B (L - 1)` places, padding included, as the authors'
            code does: on long histories a much smaller loss.
        kernel_initializer: Initializer of the GRU's kernel.
        recurrent_initializer: Initializer of the state's kernel.

    Call arguments:
        inputs: `[B, L, D]` floating point behaviours, oldest first; or a list of them and of
            negatives `[B, L, D]`: in place of every behaviour an item that was not chosen.
            Leave the negatives out at inference.
        mask: `[B, L]` boolean, False where padded; or the list of the masks of `inputs`.
        training: Passed on to the GRU.

    Returns:
        `[B, L, units]`, the state after every behaviour.

    Raises:
        ValueError: An argument, or a shape, is not as described.

    Relations:
        `AUGRU` follows, with the attention of the candidate on these states.

    Example:
        >>> layer = InterestExtractor(4)
        >>> layer([tf.ones([2, 3, 4]), tf.zeros([2, 3, 4])]).shape, len(layer.losses)
        (TensorShape([2, 3, 4]), 1)

    References:
        G. Zhou et al., 2019. Deep Interest Evolution Network for Click-Through Rate Prediction.
        arXiv:1809.03672.
    """

    def __init__(
        self,
        units: int,
        auxiliary_units: Sequence[int] | None = None,
        auxiliary_weight: float = 1.0,
        auxiliary_reduction: str = "paper",
        kernel_initializer: Initializer = "glorot_uniform",
        recurrent_initializer: Initializer = "orthogonal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if auxiliary_weight < 0:
            raise ValueError(
                f"`auxiliary_weight` must not be negative, received {auxiliary_weight=}."
            )
        self.auxiliary_units = None if auxiliary_units is None else tuple(auxiliary_units)
        if auxiliary_reduction not in _REDUCTIONS:
            raise ValueError(
                f"`auxiliary_reduction` must be one of {_REDUCTIONS}, "
                f"received {auxiliary_reduction=}."
            )
        self.auxiliary_weight = auxiliary_weight
        self.auxiliary_reduction = auxiliary_reduction
        self.gru = keras.layers.GRU(
            units,
            return_sequences=True,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            dtype=self.dtype_policy,
        )
        hidden = self.auxiliary_units or ()
        self.scorer = [self._make_dense(units, "sigmoid") for units in hidden]
        if self.auxiliary_units is not None:
            self.scorer.append(self._make_dense(1, None))
        self.supports_masking = True

    def _make_dense(self, units: int, activation: str | None) -> keras.layers.Dense:
        return keras.layers.Dense(units, activation, dtype=self.dtype_policy)

    def build(self, input_shape: Shapes) -> None:
        """Creates the weights, those of the auxiliary network too."""
        shapes = each_shape(input_shape)
        if shapes[0].rank != 3 or not shapes[0].is_compatible_with(shapes[-1]):
            raise ValueError(
                "`inputs` must be behaviours [B, L, D], or a list of them and of negatives of "
                f"the same shape, received shapes {shapes}."
            )
        width, units = shapes[0][-1], self.gru.units
        if self.auxiliary_units is None and len(shapes) == 2 and width != units:
            raise ValueError(
                f"`units` must be the width of the behaviours, {width}, for a loss by inner "
                f"products, received units={units}. Set `auxiliary_units` for other widths."
            )
        self.gru.build(shapes[0])
        shape = (None, None, units + width)
        for dense in self.scorer:
            dense.build(shape)
            shape = (None, None, dense.units)
        super().build(input_shape)

    def call(self, inputs: Sequences, mask: Masks = None, training: Training = None) -> tf.Tensor:
        """Returns `[B, L, units]`, and adds the loss where there are negatives."""
        behaviours, negatives = inputs if isinstance(inputs, (list, tuple)) else (inputs, None)
        mask = mask_of(mask, behaviours)
        states = self.gru(behaviours, mask=mask, training=training)
        if negatives is not None:
            self.add_loss(self._auxiliary_loss(states, behaviours, negatives, mask))
        return states

    def _auxiliary_loss(
        self, states: tf.Tensor, behaviours: tf.Tensor, negatives: tf.Tensor, mask: tf.Tensor | None
    ) -> tf.Tensor:
        before = states[:, :-1]
        losses = tf.math.softplus(-self._score(before, behaviours[:, 1:]))
        losses += tf.math.softplus(self._score(before, negatives[:, 1:]))
        kept = tf.ones_like(losses, tf.bool) if mask is None else mask[:, :-1] & mask[:, 1:]
        total = tf.reduce_sum(tf.where(kept, losses, 0))
        counted = losses[:, :1] if self.auxiliary_reduction == "paper" else losses
        count = tf.cast(tf.size(counted), total.dtype)
        return self.auxiliary_weight * tf.math.divide_no_nan(total, count)

    def _score(self, states: tf.Tensor, items: tf.Tensor) -> tf.Tensor:
        """Returns `[B, L - 1]` logits in float32."""
        if not self.scorer:
            return tf.einsum("bld,bld->bl", *(tf.cast(t, tf.float32) for t in (states, items)))
        hidden = tf.concat([states, items], -1)
        for dense in self.scorer:
            hidden = dense(hidden)
        return tf.cast(hidden[..., 0], tf.float32)

    def compute_mask(self, inputs: Sequences, mask: Masks = None) -> tf.Tensor | None:
        """Returns the mask of the behaviours."""
        behaviours = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        return mask_of(mask, behaviours)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        gru = self.gru
        return {
            **super().get_config(),
            "units": gru.units,
            "auxiliary_units": self.auxiliary_units,
            "auxiliary_weight": self.auxiliary_weight,
            "auxiliary_reduction": self.auxiliary_reduction,
            "kernel_initializer": keras.initializers.serialize(gru.cell.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(gru.cell.recurrent_initializer),
        }
