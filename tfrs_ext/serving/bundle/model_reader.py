"""A Keras model as a bundle uses it: which columns it reads, and what signatures call them."""

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.serving.bundle.columns import check_finite, signature_names
from tfrs_ext.serving.bundle.signatures import EXAMPLES, Input

V = TypeVar("V")


class ModelReader:
    """A model with the columns that it reads.

    Args:
        model: Keras model over `{column: [B, ...]}`, or a `Sequential` over the only column.
        columns: `{column: [R, ...]}`, among them all that the model reads.
        argument: The argument that the columns come from, for errors.
    """

    def __init__(self, model: keras.Model, columns: Mapping[str, tf.Tensor], argument: str) -> None:
        self.model = model
        self.names = _columns_read(model, columns, argument)
        self._inputs = signature_names(self.names, argument)
        read = {name: columns[name] for name in self.names}
        check_finite(read, argument)
        self.inputs = [_input(self._inputs[name], values) for name, values in read.items()]

    def outputs(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns what the model makes of `{column: [B, ...]}`, float32; reads what it needs."""
        read = {name: columns[name] for name in self.names}
        if isinstance(self.model, keras.Sequential):
            (read,) = read.values()
        return tf.cast(self.model(read, training=False), tf.float32)

    def columns(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns a signature's inputs by column."""
        return {column: inputs[name] for column, name in self._inputs.items()}

    def by_input(self, columns: Mapping[str, V]) -> dict[str, V]:
        """Returns columns by the names that signatures know them by."""
        return {name: columns[column] for column, name in self._inputs.items()}


def _input(name: str, values: tf.Tensor) -> Input:
    spec = tf.TensorSpec([None, *values.shape[1:]], values.dtype, name=name)
    return Input(spec, np.asarray(values[:EXAMPLES].numpy()))


def _columns_read(model: keras.Model, columns: Mapping[str, tf.Tensor], argument: str) -> list[str]:
    """Returns the names of the columns that the model reads: all, if it doesn't say."""
    if isinstance(model, keras.Sequential):
        return [_only_column(model, columns, argument)]
    if hasattr(model, "features"):
        names = [feature.name for feature in model.features]
    elif getattr(model, "_is_graph_network", False):
        names = list(model.input_names)
    else:
        names = list(columns)
    missing = sorted(set(names) - set(columns))
    if missing:
        raise ValueError(
            f"`{argument}` must hold the columns that the model reads, {sorted(names)}, received "
            f"{sorted(columns)}: {missing} are missing."
        )
    return names


def _only_column(model: keras.Model, columns: Mapping[str, tf.Tensor], argument: str) -> str:
    if len(columns) != 1:
        raise ValueError(
            f"`{argument}` must hold one column for a Sequential model, which takes one tensor, "
            f"received {sorted(columns)} for {model.name!r}. A functional model takes columns by "
            "name."
        )
    return next(iter(columns))
