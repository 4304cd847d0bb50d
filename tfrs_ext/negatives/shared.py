"""Small things that several sources need."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras


def serialized(part: Any) -> Any:
    """Returns the configuration of a layer or None."""
    return None if part is None else keras.saving.serialize_keras_object(part)


def deserialized(config: Any) -> Any:
    """Builds the layer, or None, that `serialized` described."""
    return None if config is None else keras.saving.deserialize_keras_object(config)


def embed(features: Any, candidate_model: Any) -> tf.Tensor:
    """Returns the embeddings `[n, D]` that `candidate_model` gives items."""
    if candidate_model is None:
        raise ValueError(
            "`candidate_model` must be given to a source that embeds items, received None."
        )
    return candidate_model(features)


def uncorrected(rows: tf.Tensor) -> tf.Tensor:
    """Returns `-log(rows)`, `[rows]`: the pool as its own distribution, hence no correction."""
    # An empty pool has no rows to say it of.
    return tf.fill([rows], -tf.math.log(tf.cast(tf.maximum(rows, 1), tf.float32)))
