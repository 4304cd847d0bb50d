"""A layer that turns a row of raw columns into one dense vector."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features.categorical import Categorical
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.history import History
from tfrs_ext.features.lookup import make_lookup
from tfrs_ext.features.numeric import Numeric
from tfrs_ext.features.text import Text
from tfrs_ext.features.timestamp import Timestamp
from tfrs_ext.layers.history_pooling import HistoryPooling

_DAY = 86_400.0
_WEEK = 7 * _DAY


def _embedding(size: int, width: int, name: str) -> Any:
    return keras.layers.Embedding(size, width, embeddings_initializer="glorot_normal", name=name)


def _scope(name: str) -> str:
    """Returns a column's name as graphs allow it for a layer: "release year" has a space."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", name).lstrip("_") or "column"


class _CategoricalEncoder(keras.layers.Layer):
    def __init__(self, feature: Categorical, width: int) -> None:
        super().__init__(name=_scope(feature.name))
        self.lookup = make_lookup(feature.vocabulary)
        self.embedding = _embedding(len(feature.vocabulary) + 1, width, "embedding")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        return self.embedding(self.lookup(values))


class _NumericEncoder(keras.layers.Layer):
    def __init__(self, feature: Numeric, width: int) -> None:
        super().__init__(name=_scope(feature.name))
        self.feature = feature

    def call(self, values: tf.Tensor) -> tf.Tensor:
        standardised = (tf.cast(values, tf.float32) - self.feature.mean) / self.feature.std
        return tf.cast(standardised, self.compute_dtype)[:, tf.newaxis]


class _TextEncoder(keras.layers.Layer):
    def __init__(self, feature: Text, width: int) -> None:
        super().__init__(name=_scope(feature.name))
        self.lookup = make_lookup(feature.vocabulary)
        self.embedding = _embedding(len(feature.vocabulary) + 1, width, "embedding")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        words = Text.words(values)
        rows = words.value_rowids()
        vectors = self.embedding(self.lookup(words.values))
        totals = tf.math.unsorted_segment_sum(vectors, rows, words.nrows())
        counts = tf.cast(tf.maximum(words.row_lengths(), 1), totals.dtype)
        return totals / counts[:, tf.newaxis]


class _TimestampEncoder(keras.layers.Layer):
    def __init__(self, feature: Timestamp, width: int) -> None:
        super().__init__(name=_scope(feature.name))
        self.feature = feature

    def call(self, values: tf.Tensor) -> tf.Tensor:
        # Seconds since 1970 exceed what float32 can tell apart: subtract and reduce in int64.
        seconds = tf.cast(values, tf.int64)
        low, high = self.feature.minimum, self.feature.maximum
        age = tf.cast(seconds - low, tf.float32) / float(max(high - low, 1))
        day = tf.cast(tf.math.floormod(seconds, int(_DAY)), tf.float32) * (6.2831853 / _DAY)
        week = tf.cast(tf.math.floormod(seconds, int(_WEEK)), tf.float32) * (6.2831853 / _WEEK)
        parts = [tf.clip_by_value(age, 0.0, 1.0), tf.sin(day), tf.cos(day), tf.sin(week)]
        return tf.cast(tf.stack([*parts, tf.cos(week)], axis=1), self.compute_dtype)


class _HistoryEncoder(keras.layers.Layer):
    def __init__(self, feature: History, width: int) -> None:
        super().__init__(name=_scope(feature.name))
        self.lookup = make_lookup(feature.vocabulary, padding=feature.padding)
        self.embedding = _embedding(len(feature.vocabulary) + 2, width, "embedding")
        self.pooling = HistoryPooling(name="pooling")

    def call(self, values: tf.Tensor) -> tf.Tensor:
        indices = self.lookup(values)
        # Each item's embedding once: the batch's histories are full of the same items.
        items, rows = tf.unique(tf.reshape(indices, [-1]))
        rows = tf.reshape(rows, tf.shape(indices))
        rows.set_shape(indices.shape)
        return self.pooling([self.embedding(items), rows], mask=tf.not_equal(indices, 0))


_ENCODERS: dict[type[Feature], Any] = {
    Categorical: _CategoricalEncoder,
    Numeric: _NumericEncoder,
    Text: _TextEncoder,
    Timestamp: _TimestampEncoder,
    History: _HistoryEncoder,
}


@keras.saving.register_keras_serializable(package="tfrs_ext")
class FeatureEncoder(keras.layers.Layer):
    """Embeds every feature of a batch and concatenates the results.

    Ids and words become rows of embedding tables (the mean over the words of a text), numbers are
    standardised, timestamps become their place in the training period and the phases of day and
    week, and a history becomes a weighted mean of its items (`HistoryPooling`).

    Args:
        features: The columns to read, with their facts; `data.fit_features` makes them.
        embedding_dim: Width of every embedding table.

    Call arguments:
        inputs: Mapping of column name to tensor: `[B]`, or `[B, L]` for a `History`. Columns that
            no feature names are ignored.

    Returns:
        `[B, W]` in the layer's compute dtype; W depends on the features.

    Raises:
        ValueError: Where `features` is empty or repeats a name, `embedding_dim` isn't positive,
            or a batch lacks a column.

    Example:
        >>> from tfrs_ext.features import Categorical, Numeric
        >>> encoder = FeatureEncoder([Categorical("genre", ("a", "b")), Numeric("year")], 4)
        >>> encoder({"genre": tf.constant(["a", "c"]), "year": tf.constant([1.0, 2.0])}).shape
        TensorShape([2, 5])
    """

    def __init__(self, features: Sequence[Feature], embedding_dim: int = 64, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        names = [feature.name for feature in features]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"`features` must hold one or more distinct names, received {names}")
        if embedding_dim < 1:
            raise ValueError(f"`embedding_dim` must be positive, received {embedding_dim}")
        self.features = tuple(features)
        self.embedding_dim = embedding_dim
        self.encoders = [_ENCODERS[type(f)](f, embedding_dim) for f in self.features]

    def call(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the concatenated encodings `[B, W]`."""
        missing = [f.name for f in self.features if f.name not in inputs]
        if missing:
            raise ValueError(
                f"`inputs` must hold the columns {missing}, received columns {sorted(inputs)}"
            )
        pairs = zip(self.features, self.encoders, strict=True)
        return tf.concat([encoder(inputs[f.name]) for f, encoder in pairs], axis=1)

    def example_inputs(self) -> dict[str, tf.Tensor]:
        """Returns a batch of one row with every column, of the right dtypes and shapes."""
        return example_inputs(self.features)

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "features": [feature.get_config() for feature in self.features],
            "embedding_dim": self.embedding_dim,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "FeatureEncoder":
        """Builds the layer that `get_config` described."""
        features = [Feature.from_config(feature) for feature in config["features"]]
        return cls(**{**config, "features": features})


def example_inputs(features: Sequence[Feature]) -> dict[str, tf.Tensor]:
    """Returns a batch of one row with every column, of the right dtypes and shapes.

    Args:
        features: The columns.
    """
    return {feature.name: _example(feature) for feature in features}


def _example(feature: Feature) -> tf.Tensor:
    if isinstance(feature, History):
        return tf.fill([1, feature.length], _id(feature.padding))
    if isinstance(feature, Categorical):
        return _id(feature.vocabulary[0] if feature.vocabulary else "")[tf.newaxis]
    if isinstance(feature, Text):
        return tf.constant([""])
    return tf.zeros([1], tf.int64 if isinstance(feature, Timestamp) else tf.float32)


def _id(value: int | str) -> tf.Tensor:
    # What is saved accepts the dtypes that it was called with: int64, as batches have.
    return tf.constant(value, tf.string if isinstance(value, str) else tf.int64)
