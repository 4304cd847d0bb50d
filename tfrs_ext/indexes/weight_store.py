"""Tensors of an index in the files of Keras, which hold numbers only."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

_STRINGS = ".strings"


class WeightStore(Protocol):
    """What Keras gives a layer to write its weights to, or to read them from."""

    def __getitem__(self, name: str) -> npt.ArrayLike:
        """Returns the array of a name."""

    def __setitem__(self, name: str, value: npt.ArrayLike) -> None:
        """Writes an array under a name."""

    def __iter__(self) -> Iterator[str]:
        """Returns the names."""


def put(store: WeightStore, tensors: Mapping[str, tf.Variable]) -> None:
    """Writes tensors by name into a Keras weight store; strings in serialized form."""
    for name, tensor in tensors.items():
        if tensor.dtype == tf.string:
            text = tf.io.serialize_tensor(tensor).numpy()
            store[name + _STRINGS] = np.frombuffer(text, np.uint8)
        else:
            store[name] = tensor.numpy()


def get(store: WeightStore) -> dict[str, tf.Tensor]:
    """Returns what `put` wrote."""
    names: Iterable[str] = store
    tensors = {}
    for name in names:
        values = np.asarray(store[name])
        if name.endswith(_STRINGS):
            tensors[name.removesuffix(_STRINGS)] = tf.io.parse_tensor(values.tobytes(), tf.string)
        else:
            tensors[name] = tf.constant(values)
    return tensors
