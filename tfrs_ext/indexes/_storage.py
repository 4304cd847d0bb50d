"""Tensors of an index in the files of Keras, which hold numbers only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

_STRINGS = ".strings"


def put(store: Any, tensors: Mapping[str, Any]) -> None:
    """Writes tensors by name into a Keras weight store; strings in serialized form."""
    for name, tensor in tensors.items():
        if tensor.dtype == tf.string:
            text = tf.io.serialize_tensor(tensor).numpy()
            store[name + _STRINGS] = np.frombuffer(text, np.uint8)
        else:
            store[name] = tensor.numpy()


def get(store: Any) -> dict[str, tf.Tensor]:
    """Returns what `put` wrote."""
    tensors = {}
    for name in store:
        values = np.asarray(store[name])
        if name.endswith(_STRINGS):
            tensors[name.removesuffix(_STRINGS)] = tf.io.parse_tensor(values.tobytes(), tf.string)
        else:
            tensors[name] = tf.constant(values)
    return tensors
