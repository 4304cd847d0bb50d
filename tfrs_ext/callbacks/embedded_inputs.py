"""One side of a retrieval model: inputs that are fixed, and the tower that embeds them."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.ops.datasets import without_tuning
from tfrs_ext.typing import Embedder, Inputs


class EmbeddedInputs:
    """Embeds the same inputs again whenever it is asked.

    Args:
        inputs: An array or a dict of arrays, or a `tf.data.Dataset` of batches.
        batch_size: How many rows are embedded at a time where arrays are given.
        tower: What embeds; None takes the attribute of the fitted model that `embed` names.
    """

    def __init__(
        self, inputs: tf.data.Dataset | Inputs, batch_size: int, tower: Embedder | None
    ) -> None:
        if not isinstance(inputs, tf.data.Dataset):
            inputs = without_tuning(tf.data.Dataset.from_tensor_slices(inputs).batch(batch_size))
        self._batches, self._tower = inputs, tower
        self._traced: Embedder | None = None
        self._function: Any = None

    def embed(self, model: keras.Model, name: str) -> npt.NDArray[np.float32]:
        """Returns the embeddings of all rows, `[n, D]`.

        Args:
            model: The fitted model.
            name: Its attribute with the tower, where none was given.
        """
        tower = self._tower if self._tower is not None else getattr(model, name, None)
        if tower is None:
            raise ValueError(
                f"`{name}` must be given, because the fitted model {model!r} has none of that name."
            )
        if tower is not self._traced:
            self._traced = tower
            rows = tf.nest.map_structure(_any_rows, self._batches.element_spec)
            self._function = tf.function(_in_inference(tower), input_signature=[rows])
        return np.concatenate([self._function(batch).numpy() for batch in self._batches])


def _any_rows(spec: tf.TypeSpec) -> tf.TypeSpec:
    """Lets batches have any number of rows: the last one is traced together with the others."""
    if isinstance(spec, tf.TensorSpec) and spec.shape.rank:
        return tf.TensorSpec([None, *spec.shape[1:]], spec.dtype)
    return spec


def _in_inference(tower: Embedder) -> Any:
    if isinstance(tower, keras.layers.Layer):
        return lambda batch: tower(batch, training=False)
    return tower
