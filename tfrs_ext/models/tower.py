"""One tower of a two-tower model."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, FeatureEncoder
from tfrs_ext.layers import MLP
from tfrs_ext.typing import Activation, Columns, Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Tower(keras.Model):
    """Embeds a row of raw columns: features, hidden layers, and a projection.

    Args:
        features: The columns to read, with their facts.
        embedding_dim: Width of every embedding table.
        hidden_units: Widths of the hidden layers; empty for a linear tower.
        output_dim: D, the width of the result; `embedding_dim` where it is None.
        activation: The activation of the hidden layers, as `layers.MLP` takes it.
        dropout: Share of the hidden units that are dropped in training.
        normalize: Whether the rows of the result have unit length (cosine similarity).

    Call arguments:
        inputs: Mapping of column name to tensor, as `features.FeatureEncoder` takes it.
        training: Whether dropout is on.

    Returns:
        `[B, D]` float32.

    Raises:
        ValueError: Where a width isn't positive, or `dropout` isn't in [0, 1).

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> tower = Tower([Categorical("user_id", (1, 2, 3))], embedding_dim=8, hidden_units=(16,))
        >>> tower({"user_id": tf.constant([3, 9], tf.int64)}).shape
        TensorShape([2, 8])
    """

    def __init__(
        self,
        features: Sequence[Feature],
        embedding_dim: int = 64,
        hidden_units: Sequence[int] = (128,),
        output_dim: int | None = None,
        activation: Activation = "relu",
        dropout: float = 0.0,
        normalize: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # Raw columns are no activations.
        output_dim = embedding_dim if output_dim is None else output_dim
        if min([*hidden_units, output_dim]) < 1:
            raise ValueError(
                "`hidden_units` and `output_dim` must be positive, "
                f"received {tuple(hidden_units)} and {output_dim}"
            )
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"`dropout` must be at least 0 and below 1, received {dropout}")
        self._config = {
            "embedding_dim": embedding_dim,
            "hidden_units": list(hidden_units),
            "output_dim": output_dim,
            "activation": MLP(hidden_units, activation).get_config()["activation"],
            "dropout": dropout,
            "normalize": normalize,
        }
        self.encoder = FeatureEncoder(features, embedding_dim, name="features")
        self.hidden = [MLP((units,), activation, dropout) for units in hidden_units]
        self.projection = keras.layers.Dense(output_dim, dtype="float32", name="projection")
        self.normalize = normalize
        # Created whole: saved files load, and backups are restored, before a first call.
        self(self.encoder.example_inputs())

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns that the tower reads."""
        return self.encoder.features

    def call(self, inputs: Columns, training: bool | None = None) -> tf.Tensor:
        """Returns the embeddings `[B, D]`."""
        outputs = self.encoder(inputs)
        for layer in self.hidden:
            outputs = layer(outputs, training=training)
        outputs = self.projection(outputs)
        return tf.math.l2_normalize(outputs, axis=1) if self.normalize else outputs

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        features = [feature.get_config() for feature in self.features]
        return {"name": self.name, "features": features, **self._config}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "Tower":
        """Builds the tower that `get_config` described."""
        features = [Feature.from_config(feature) for feature in config["features"]]
        return cls(**{**config, "features": features})

    def build_from_config(self, config: Config) -> None:
        """Does nothing: the constructor creates the variables."""
