"""The query tower of YouTube's candidate generation."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, History, example_inputs, read_columns
from tfrs_ext.layers import MLP
from tfrs_ext.typing import Columns, Config, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class YouTubeTower(keras.Model):
    """Embeds a user by averaged watches, context and the age of the example in a ReLU pyramid.

    Args:
        features: The columns to read, with their facts, of which each `History` is averaged.
        embedding_dim: D, the width of the embedding tables and of the result.
        hidden_units: Widths of the layers below the last, whose width is D.
        dropout: Share of the units below the last layer that are dropped in training.
        example_age: The column `[B]` with the age of training rows, from 0 for the newest to 1 for
            the oldest; None for none.

    Call arguments:
        inputs: Mapping of column name to tensor, as `features.FeatureEncoder` takes it; in training
            also with the examples' ages, which are 0 otherwise, and where there are none.
        training: Whether the model trains.

    Returns:
        `[B, D]` float32, not negative.

    Raises:
        ValueError: Where an argument is out of range.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        embedding_dim: int = 64,
        hidden_units: Sequence[int] = (256, 128),
        dropout: float = 0.0,
        example_age: str | None = "example_age",
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # Raw columns are no activations.
        if embedding_dim < 1:
            raise ValueError(f"`embedding_dim` must be positive, received {embedding_dim=}.")
        self.features = tuple(features)
        self.embedding_dim = embedding_dim
        self.example_age = example_age
        self.encoders = [_encoder(feature, embedding_dim) for feature in self.features]
        self.hidden = MLP(hidden_units, dropout=dropout, name="hidden")
        self.last = keras.layers.Dense(embedding_dim, "relu", dtype="float32", name="last")
        # Created whole: saved files load, and backups are restored, before a first call.
        self(example_inputs(self.features))

    def call(self, inputs: Columns, training: Training = None) -> tf.Tensor:
        """Returns the embeddings `[B, D]`."""
        columns = read_columns(inputs, self.features)
        pairs = zip(self.features, self.encoders, strict=True)
        parts = [encoder(columns[f.name], training=training) for f, encoder in pairs]
        if self.example_age is not None:
            ages = tf.zeros_like(parts[0][:, 0], tf.float32)
            if training and self.example_age in inputs:
                ages = tf.reshape(tf.cast(inputs[self.example_age], tf.float32), [-1])
            parts.append(tf.cast(_powers(ages), parts[0].dtype))
        return self.last(self.hidden(tf.concat(parts, axis=1), training=training))

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            "name": self.name,
            "features": [feature.get_config() for feature in self.features],
            "embedding_dim": self.embedding_dim,
            "hidden_units": list(self.hidden.hidden_units),
            "dropout": self.hidden.dropout,
            "example_age": self.example_age,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "YouTubeTower":
        """Builds the tower that `get_config` described."""
        features = [Feature.from_config(feature) for feature in config["features"]]
        return cls(**{**config, "features": features})

    def build_from_config(self, config: Config) -> None:
        """Does nothing: the constructor creates the variables."""


def _encoder(feature: Feature, embedding_dim: int) -> keras.layers.Layer:
    encoder = feature.encoder(embedding_dim)
    if isinstance(feature, History):
        encoder.pooling.trainable = False  # Its weights start equal, and so stay a plain mean.
    return encoder


def _powers(ages: tf.Tensor) -> tf.Tensor:
    """Returns `[age, age^2, sqrt(age)]`, `[B, 3]`, as the ranker's numbers have it."""
    return tf.stack([ages, ages**2, tf.sqrt(tf.maximum(ages, 0.0))], axis=1)
