"""The Deep Learning Recommendation Model."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, FeatureEncoder
from tfrs_ext.layers import MLP, DotInteraction
from tfrs_ext.models.rankers import register_ranker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.search_space import search_network
from tfrs_ext.typing import Activation, Columns, Config, HyperParameters, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DLRM(RankingModel):
    """Ranks by the inner products of all pairs of embeddings, as factorization machines do.

    `x = bottom(numbers)`; `sigmoid(w . top([x; <e_i, e_j> of all pairs of x and embeddings]))`.
    The bottom network makes one embedding of all numbers and times; every other feature has its
    own. Without numbers there is no bottom network, and the top sees the products alone.

    Args:
        features: The columns to read, with their facts; two or more that meet, where all numbers
            and times count as one.
        embedding_dim: Width of every embedding, that of the numbers among them.
        bottom_units: Widths of the bottom network's hidden layers, above which it has one of
            `embedding_dim`.
        hidden_units: Widths of the top network's layers.
        self_interaction: Whether embeddings are also multiplied with themselves.
        activation: The activation of both networks: "relu", "dice", "prelu", what Keras takes, or
            a layer.
        dropout: The share of the networks' units that are dropped in training.
        **kwargs: `output_activation`, as in `RankingModel`, and the name.

    Call arguments:
        inputs: Mapping of column name to tensor, as `features.FeatureEncoder` takes it.
        training: Whether dropout is on.

    Returns:
        `[B, 1]` float32 probabilities.

    Raises:
        ValueError: An argument is out of range, or the features make fewer than two embeddings.

    Relations:
        `DCN` learns which products matter.

    Example:
        >>> from tfrs_ext.features import Categorical, Numeric
        >>> features = [Categorical("genre", ("a", "b")), Numeric("year")]
        >>> model = DLRM(features, embedding_dim=4, bottom_units=(8,), hidden_units=(8,))
        >>> model({"genre": tf.constant(["a", "c"]), "year": tf.constant([1.0, 2.0])}).shape
        TensorShape([2, 1])

    References:
        M. Naumov et al., 2019. Deep Learning Recommendation Model for Personalization and
        Recommendation Systems. arXiv:1906.00091.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        embedding_dim: int = 32,
        bottom_units: Sequence[int] = (64,),
        hidden_units: Sequence[int] = (256, 128),
        self_interaction: bool = False,
        activation: Activation = "relu",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(features, **kwargs)
        numbers, embedded = _split(self.features)
        if len(embedded) + bool(numbers) < 2:
            raise ValueError(
                "`features` must make two or more embeddings, where all numbers and times make "
                f"one, received the columns {[f.name for f in self.features]}."
            )
        self.embedding_dim = embedding_dim
        self.bottom_units = tuple(bottom_units)
        self.numbers = FeatureEncoder(numbers, embedding_dim, name="numbers") if numbers else None
        units = (*self.bottom_units, embedding_dim)
        self.bottom = MLP(units, activation, dropout, name="bottom") if numbers else None
        self.encoders = [FeatureEncoder([f], embedding_dim) for f in embedded]
        self.interaction = DotInteraction(self_interaction)
        self.deep = MLP(hidden_units, activation, dropout, name="top")
        self.create()

    @classmethod
    def missing_columns(
        cls, features: Sequence[Feature], item_id: str | None, user_id: str | None
    ) -> list[str]:
        """Returns whether fewer than two embeddings would meet."""
        numbers, embedded = _split(features)
        return [] if len(embedded) + bool(numbers) > 1 else ["two columns that meet"]

    @classmethod
    def search_space(cls, hp: HyperParameters, features: Sequence[Feature]) -> Config:
        """Registers the top network's widths, and that of the bottom one's hidden layer."""
        units = hp.Choice("bottom_units", [32, 64, 128, 256], default=64)
        return {**search_network(hp), "bottom_units": (units,)}

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns the top network's output."""
        rows = [encoder(inputs) for encoder in self.encoders]
        if self.numbers is None or self.bottom is None:
            return self.deep(self.interaction(rows), training=training)
        x = self.bottom(self.numbers(inputs), training=training)
        return self.deep(tf.concat([x, self.interaction([x, *rows])], -1), training=training)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "bottom_units": self.bottom_units,
            "hidden_units": self.deep.hidden_units,
            "self_interaction": self.interaction.self_interaction,
            "activation": self.deep.get_config()["activation"],
            "dropout": self.deep.dropout,
        }


def _split(features: Sequence[Feature]) -> tuple[list[Feature], list[Feature]]:
    """Returns the features that aren't embedded, such as numbers and times, and the others."""
    # By two widths: numbers may happen to be as many as an embedding is wide.
    embedded = [f for f in features if all(f.output_width(width) == width for width in (1, 2))]
    return [f for f in features if f not in embedded], embedded


register_ranker("dlrm", DLRM)
