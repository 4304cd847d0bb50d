"""YouTube's ranker, which predicts watch time by logistic regression."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, FeatureEncoder, Numeric
from tfrs_ext.layers import MLP, QuantilePowers
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.typing import Activation, Columns, Config, Training

_LARGEST_LOGIT = 80.0


@keras.saving.register_keras_serializable(package="tfrs_ext")
class YouTubeRanker(RankingModel):
    """Ranks by expected watch time, or whatever else a positive row is worth.

    `exp(w . h + b)`, where `h` is a deep network on embeddings and, for each number, its quantile
    `u`, `u^2` and `sqrt(u)`. Compiled with `losses.WeightedLogistic` and fitted on batches
    `(columns, watch time)`, 0 where an impression was not clicked, these odds learn
    `sum T / (N - k)`: the expected watch time of an impression, where clicks are rare.

    Args:
        features: The columns to read, with their facts; a `Numeric` must have its quantiles.
        embedding_dim: Width of every embedding table.
        hidden_units: Widths of the network's layers.
        activation: The activation of the network: "relu", "dice", "prelu", what Keras
            takes, or a layer.
        dropout: The share of its units that are dropped in training.

    Call arguments:
        inputs: Mapping of column name to tensor, as `features.FeatureEncoder` takes it.
        training: Whether dropout is on.

    Returns:
        `[B, 1]` float32 odds, which rank as the probabilities `o / (1 + o)` do.

    Raises:
        ValueError: An argument is out of range, or a number lacks its quantiles.

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> features = [Categorical("video", (7, 8)), Numeric("age", quantiles=(0.0, 5.0, 30.0))]
        >>> model = YouTubeRanker(features, hidden_units=(8,))
        >>> model({"video": tf.constant([7, 9]), "age": tf.constant([1.0, 20.0])}).shape
        TensorShape([2, 1])

    References:
        P. Covington, J. Adams, E. Sargin, 2016. Deep Neural Networks for YouTube Recommendations.
        RecSys 2016.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        embedding_dim: int = 32,
        hidden_units: Sequence[int] = (1024, 512, 256),
        activation: Activation = "relu",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(features, output_activation=None, **kwargs)
        self.embedding_dim = embedding_dim
        numbers = [f for f in self.features if isinstance(f, Numeric)]
        others = [f for f in self.features if not isinstance(f, Numeric)]
        lacking = [f.name for f in numbers if len(f.quantiles) < 2]
        if lacking:
            raise ValueError(
                f"`features` must give the numbers {lacking} their `quantiles`, as "
                "`data.fit_features` does, received none."
            )
        self.numbers = [f.name for f in numbers]
        self.powers = [QuantilePowers(f.quantiles) for f in numbers]
        self.encoder = FeatureEncoder(others, embedding_dim, name="features") if others else None
        self.deep = MLP(hidden_units, activation, dropout, name="deep")
        self.create()

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns the deep network's output."""
        pairs = zip(self.numbers, self.powers, strict=True)
        parts = [powers(inputs[name]) for name, powers in pairs]
        if self.encoder is not None:
            parts.append(self.encoder(inputs))
        return self.deep(tf.concat(parts, -1), training=training)

    def call(self, inputs: Columns, training: Training = None) -> tf.Tensor:
        """Returns odds `[B, 1]`."""
        logits = super().call(inputs, training)
        # Bounded, so that neither the odds nor their gradient is infinite.
        return tf.exp(tf.clip_by_value(logits, -_LARGEST_LOGIT, _LARGEST_LOGIT))

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        config = super().get_config()
        del config["output_activation"]
        return {
            **config,
            "embedding_dim": self.embedding_dim,
            "hidden_units": self.deep.hidden_units,
            "activation": self.deep.get_config()["activation"],
            "dropout": self.deep.dropout,
        }
