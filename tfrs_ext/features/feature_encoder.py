"""A layer that turns a row of raw columns into one dense vector."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.inputs import example_inputs, read_columns
from tfrs_ext.typing import Columns, Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class FeatureEncoder(keras.layers.Layer):
    """Embeds every feature of a batch and concatenates the results.

    Ids and words become rows of embedding tables (the mean over the words of a text), numbers are
    standardised, timestamps become their place in the training period and the phases of day and
    week, vectors are projected, and a history becomes a weighted mean of its items
    (`layers.HistoryPooling`).

    Args:
        features: The columns to read, with their facts; `data.fit_features` makes them.
        embedding_dim: Width of every embedding table.

    Call arguments:
        inputs: Mapping of column name to tensor: `[B]`, `[B, L]` for a `History`, `[B, V]` for a
            `Vector`, or another form that `read_columns` takes. Columns that no feature names are
            ignored.
        training: Whether the encoders train, which Keras tells them.

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
        super().__init__(autocast=False, **kwargs)
        wrong = [feature for feature in features if not isinstance(feature, Feature)]
        if wrong:
            raise ValueError(
                "`features` must hold column kinds such as Categorical('user_id', ids), received "
                f"{wrong[0]!r}."
            )
        names = [feature.name for feature in features]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"`features` must hold one or more distinct names, received {names}")
        if embedding_dim < 1:
            raise ValueError(f"`embedding_dim` must be positive, received {embedding_dim}")
        self.features = tuple(features)
        self.embedding_dim = embedding_dim
        self.encoders = [feature.encoder(embedding_dim) for feature in self.features]

    def call(self, inputs: Columns, training: bool | None = None) -> tf.Tensor:
        """Returns the concatenated encodings `[B, W]`."""
        columns = read_columns(inputs, self.features)
        pairs = zip(self.features, self.encoders, strict=True)
        return tf.concat([encoder(columns[f.name]) for f, encoder in pairs], axis=1)

    def example_inputs(self) -> dict[str, tf.Tensor]:
        """Returns a batch of one row with every column, of the right dtypes and shapes."""
        return example_inputs(self.features)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "features": [feature.get_config() for feature in self.features],
            "embedding_dim": self.embedding_dim,
        }

    @classmethod
    def from_config(cls, config: Config) -> "FeatureEncoder":
        """Builds the layer that `get_config` described."""
        features = [Feature.from_config(feature) for feature in config["features"]]
        return cls(**{**config, "features": features})
