"""A tower as a bundle uses it: which columns it reads, and what signatures call them."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext.serving._tensors import signature_names, spec


class Encoder:
    """Embeds the columns that a Keras model reads.

    Args:
        model: Keras model from `{column: [B, ...]}` to embeddings `[B, D]`.
        columns: `{column: [R, ...]}`, among them all that the model reads.
        what: The argument that the columns come from, for errors.
    """

    def __init__(self, model: Any, columns: Mapping[str, tf.Tensor], what: str) -> None:
        self.model = model
        self.names = columns_read(model, columns, what)
        self._inputs = signature_names(self.names, what)
        self.specs = {name: spec(name, columns[column]) for column, name in self._inputs.items()}

    def __call__(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the embeddings `[B, D]` float32 of `{column: [B, ...]}`; reads what it needs."""
        read = {name: columns[name] for name in self.names}
        embeddings = tf.cast(self.model(read, training=False), tf.float32)
        if embeddings.shape.rank != 2:
            raise ValueError(
                f"{self.model.name} must return embeddings [B, D], received "
                f"shape={embeddings.shape}."
            )
        return embeddings

    def columns(self, inputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns a signature's inputs by column."""
        return {column: inputs[name] for column, name in self._inputs.items()}

    def inputs(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Returns columns by the names that signatures know them by."""
        return {name: columns[column] for column, name in self._inputs.items()}


def columns_read(model: Any, columns: Mapping[str, Any], what: str) -> list[str]:
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
