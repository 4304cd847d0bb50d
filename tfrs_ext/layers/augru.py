"""A GRU over a sequence, steered by attention."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.layers.agru_cell import AGRUCell
from tfrs_ext.layers.aigru_cell import AIGRUCell
from tfrs_ext.layers.arguments import Initializer, Masks, Regularizer, Shapes, each_shape, mask_of
from tfrs_ext.layers.augru_cell import AUGRUCell
from tfrs_ext.typing import Config, Training

_CELLS = {"AUGRU": AUGRUCell, "AGRU": AGRUCell, "AIGRU": AIGRUCell}


@keras.saving.register_keras_serializable(package="tfrs_ext")
class AUGRU(keras.layers.Layer):
    """Follows how the interest in a candidate evolved, as DIEN's second layer.

    | variant | step |
    |---|---|
    | "AUGRU" | `h' = (1 - a u) * h + a u * h~`, the paper's choice |
    | "AGRU" | `h' = (1 - a) h + a h~` |
    | "AIGRU" | `h' = GRU(a x, h)` |

    Args:
        units: Width of the state.
        variant: "AUGRU", "AGRU" or "AIGRU".
        return_sequences: Whether the state after every step is returned, not the last one only.
        kernel_initializer: Initializer of the inputs' kernel.
        recurrent_initializer: Initializer of the state's kernel.
        bias_initializer: Initializer of the biases.
        kernel_regularizer: Regularizer of the inputs' kernel.
        recurrent_regularizer: Regularizer of the state's kernel.

    Call arguments:
        inputs: A list `[sequence, scores]`: `[B, L, D]` floating point, and the attention scores
            `[B, L]` in `[0, 1]`, such as `DINAttention(use_softmax=True)` returns on request.
        mask: `[B, L]` boolean, False where padded; or the list of the masks of `inputs`.
        training: Passed on to the cell.

    Returns:
        `[B, units]`, or `[B, L, units]` with `return_sequences`. A padded step copies the state;
        an empty history gives zeros.

    Raises:
        ValueError: An argument, or a shape, is not as described.

    Example:
        >>> AUGRU(4)([tf.ones([1, 3, 5]), tf.zeros([1, 3])]).numpy()
        array([[0., 0., 0., 0.]], dtype=float32)

    References:
        G. Zhou et al., 2019. Deep Interest Evolution Network for Click-Through Rate Prediction.
        arXiv:1809.03672.
    """

    def __init__(
        self,
        units: int,
        variant: str = "AUGRU",
        return_sequences: bool = False,
        kernel_initializer: Initializer = "glorot_uniform",
        recurrent_initializer: Initializer = "orthogonal",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        recurrent_regularizer: Regularizer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if variant not in _CELLS:
            raise ValueError(f"`variant` must be one of {tuple(_CELLS)}, received {variant=}.")
        self.variant = variant
        self.return_sequences = return_sequences
        self.cell = _CELLS[variant](
            units,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            dtype=self.dtype_policy,
        )
        self.rnn = keras.layers.RNN(
            self.cell, return_sequences=return_sequences, dtype=self.dtype_policy
        )
        self.supports_masking = True

    def build(self, input_shape: Shapes) -> None:
        """Creates the cell's weights."""
        sequence, scores = each_shape(input_shape)
        if sequence.rank != 3 or not scores.is_compatible_with(sequence[:2]):
            raise ValueError(
                "`inputs` must be a sequence [B, L, D] and scores [B, L], "
                f"received shapes {sequence} and {scores}."
            )
        self.rnn.build((sequence, scores.concatenate([1])))
        super().build(input_shape)

    def call(
        self, inputs: Sequence[tf.Tensor], mask: Masks = None, training: Training = None
    ) -> tf.Tensor:
        """Returns `[B, units]` or `[B, L, units]`."""
        sequence, scores = inputs
        mask = mask_of(mask, sequence)
        return self.rnn((sequence, scores[..., None]), mask=mask, training=training)

    def compute_mask(self, inputs: Sequence[tf.Tensor], mask: Masks = None) -> tf.Tensor | None:
        """Returns the mask of the sequence where sequences are returned, else None."""
        return mask_of(mask, inputs[0]) if self.return_sequences else None

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        cell = self.cell
        return {
            **super().get_config(),
            "units": cell.units,
            "variant": self.variant,
            "return_sequences": self.return_sequences,
            "kernel_initializer": keras.initializers.serialize(cell.kernel_initializer),
            "recurrent_initializer": keras.initializers.serialize(cell.recurrent_initializer),
            "bias_initializer": keras.initializers.serialize(cell.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(cell.kernel_regularizer),
            "recurrent_regularizer": keras.regularizers.serialize(cell.recurrent_regularizer),
        }
