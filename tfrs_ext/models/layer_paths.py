"""Paths by which layers and weights are named, alike in models that are built alike."""

import re
from collections import Counter
from collections.abc import Iterator

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import FeatureEncoder

# Compiling adds metrics, and what lookups know is compared with the tables' rows.
_NO_PARTS = (keras.metrics.Metric, keras.layers.StringLookup, keras.layers.IntegerLookup)


def walk_layers(
    layer: keras.layers.Layer, path: str = ""
) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields all layers with paths that equal models share."""
    yield path, layer
    taken: Counter[str] = Counter()
    for child in layer._flatten_layers(include_self=False, recursive=False):
        if not isinstance(child, _NO_PARTS):
            key = key_of(layer, child)
            taken[key] += 1
            key = key if taken[key] == 1 else f"{key}_{taken[key]}"
            yield from walk_layers(child, f"{path}/{key}".lstrip("/"))


def key_of(parent: keras.layers.Layer, child: keras.layers.Layer) -> str:
    """Returns a column's name, a name that somebody chose, or the layer's class."""
    if isinstance(parent, FeatureEncoder):
        for feature, encoder in zip(parent.features, parent.encoders, strict=True):
            if encoder is child:
                return feature.name
    automatic = re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(child).__name__
    )
    return re.sub(rf"^{automatic.lower()}_\d+$", automatic.lower(), child.name)


def weights_of(layer: keras.layers.Layer) -> dict[str, tf.Variable]:
    """Returns the weights of a layer itself, without those of layers inside."""
    own = [*layer._trainable_weights, *layer._non_trainable_weights]
    names = [weight.name.rpartition("/")[2].partition(":")[0] for weight in own]
    return {f"{name}_{i}" if name in names[:i] else name: own[i] for i, name in enumerate(names)}
