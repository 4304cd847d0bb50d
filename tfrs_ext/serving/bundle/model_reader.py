"""A Keras model as a bundle uses it: which columns it reads, and what signatures call them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext.serving.bundle.columns import signature_names, spec


class ModelReader:
    """A model with the columns that it reads.

    Args:
        model: Keras model over `{column: [B, ...]}`.
        columns: `{column: [R, ...]}`, among them all that the model reads.
        what: The argument that the columns come from, for errors.
    """

    def __init__(self, model: Any, columns: Mapping[str, tf.Tensor], what: str) -> None:
        self.model = model
        self.names = _columns_read(model, columns, what)
        self._inputs = signature_names(self.names, what)
        self.specs = {name: spec(name, columns[column]) for column, name in self._inputs.items()}

    def outputs(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns what the model makes of `{column: [B, ...]}`, float32; reads what it needs."""
        read = {name: columns[name] for name in self.names}
        return tf.cast(self.model(read, training=False), tf.float32)

    def columns(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns a signature's inputs by column."""
        return {column: inputs[name] for column, name in self._inputs.items()}

    def inputs(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Returns columns by the names that signatures know them by."""
        return {name: columns[column] for column, name in self._inputs.items()}


def _columns_read(model: Any, columns: Mapping[str, Any], what: str) -> list[str]:
    """Returns the names of the columns that the model reads: all, if it doesn't say."""
    if hasattr(model, "features"):
        names = [feature.name for feature in model.features]
    elif getattr(model, "_is_graph_network", False):
        names = list(model.input_names)
    else:
        names = list(columns)
    missing = sorted(set(names) - set(columns))
    if missing:
        raise ValueError(
            f"`{what}` must hold the columns that the model reads, {sorted(names)}, received "
            f"{sorted(columns)}: {missing} are missing."
        )
    return names
