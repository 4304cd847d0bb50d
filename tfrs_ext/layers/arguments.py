"""What layers are told: initializers, regularizers, shapes, and masks."""

from collections.abc import Sequence
from typing import Union

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.typing import Config, TensorLike

Initializer = Union[str, Config, keras.initializers.Initializer]
"""A name that Keras knows, an initializer, or its configuration."""

Regularizer = Union[str, Config, keras.regularizers.Regularizer, None]
"""A name that Keras knows, a regularizer, its configuration, or None for none."""

Shape = Union[tf.TensorShape, tuple[int, ...]]
"""The shape of one input."""

Shapes = Union[Shape, Sequence[Shape]]
"""The shape of one input, or those of several."""

Pair = tuple[tf.Tensor, tf.Tensor]
"""The input of a cell of attention: what happens at a step `[B, D]`, and its score `[B, 1]`."""

States = Union[tf.Tensor, Sequence[tf.Tensor]]
"""The state of a cell, alone or in a list."""

Sequences = Union[tf.Tensor, Sequence[tf.Tensor]]
"""One input, or several in a list."""

Mask = Union[TensorLike, None]
"""A boolean mask, False where padded, or None for none."""

Masks = Union[Mask, Sequence[Mask]]
"""A mask, or the masks of several inputs."""


def each_shape(input_shape: Shapes) -> list[tf.TensorShape]:
    """Returns the shapes of all inputs, from one shape or a list of shapes.

    Args:
        input_shape: What Keras passes to `build`.
    """
    nested = not isinstance(input_shape, tf.TensorShape) and any(
        isinstance(part, (list, tuple, tf.TensorShape)) for part in input_shape
    )
    return [tf.TensorShape(shape) for shape in (input_shape if nested else [input_shape])]


def check_units(units: Sequence[int], name: str = "hidden_units") -> tuple[int, ...]:
    """Returns the widths of layers.

    Args:
        units: The widths, as a user gave them.
        name: The name of the argument.

    Raises:
        ValueError: They are no positive integers.
    """
    if not isinstance(units, (list, tuple)) or any(not _is_positive(width) for width in units):
        raise ValueError(
            f"`{name}` must be positive integers, one for each layer, such as (128, 64), "
            f"received {units!r}."
        )
    return tuple(units)


def _is_positive(width: object) -> bool:
    return isinstance(width, (int, np.integer)) and not isinstance(width, bool) and int(width) > 0


def copy_initializer(initializer: keras.initializers.Initializer) -> keras.initializers.Initializer:
    """Returns a copy, since one object would give its values to every weight.

    Args:
        initializer: A Keras initializer, seeded or not.
    """
    return initializer.from_config(initializer.get_config())


def mask_of(mask: Masks, sequence: tf.Tensor, place: int = 0) -> tf.Tensor | None:
    """Returns the mask `[B, L]` of a sequence as a boolean tensor, or None where there is none.

    Args:
        mask: What the layer's `call` was given: a mask as a tensor or an array, or the list of the
            masks of several inputs, as Keras passes it on.
        sequence: `[B, L, ...]`, the sequence that the mask belongs to.
        place: Where the sequence stands among several inputs.

    Raises:
        ValueError: The mask is of another batch or length than the sequence.
    """
    if isinstance(mask, (list, tuple)) and mask and not _is_row(mask[0]):
        mask = mask[place]
    if mask is None:
        return None
    kept = tf.cast(mask, tf.bool)
    if not kept.shape.is_compatible_with(sequence.shape[:2]):
        raise ValueError(
            "`mask` must have the batch and the length of the sequence, received a mask of shape "
            f"{kept.shape} with a sequence of shape {sequence.shape}."
        )
    return kept


def _is_row(part: object) -> bool:
    """Returns whether a list's part is a row of a mask `[[True, False]]`, not a mask of its own."""
    return isinstance(part, (list, tuple)) and not isinstance(next(iter(part), None), (list, tuple))
