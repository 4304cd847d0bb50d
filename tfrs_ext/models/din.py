"""The Deep Interest Network."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, FeatureEncoder
from tfrs_ext.layers import MLP, DINAttention
from tfrs_ext.models.behaviours import BehaviourEmbedding, find_sequences, missing_behaviours
from tfrs_ext.models.rankers import register_ranker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.search_space import search_network
from tfrs_ext.typing import Activation, Columns, Config, HyperParameters, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DIN(RankingModel):
    """Ranks a candidate by those of the user's behaviours that have to do with it.

    The candidate and the behaviours share embedding tables; each history is summed by
    `layers.DINAttention`, and a deep network sees candidate, sums, and all other features.

    Behaviours may have side information: beside a history `clicks` of ids, one that is called
    `clicks_genre` holds, place by place, the values of the candidate's column `genre`, and the
    embeddings of both are put side by side.

    Args:
        features: The columns to read, with their facts: the candidate's id, one `History` or more
            with the vocabulary of that id, histories beside them, and any others.
        item_id: Name of the `Categorical` feature with the candidate's id.
        embedding_dim: Width of every embedding table.
        hidden_units: Widths of the deep network's layers.
        attention_units: Widths of the attention's hidden layers.
        activation: The activation of the attention and of the deep network: "relu", "dice",
            "prelu", what Keras takes, or a layer.
        interaction: What the attention sees of candidate and behaviour beside both: "difference" or
            "outer"; see `layers.DINAttention`.
        use_softmax: Whether the weights of a history sum to 1.
        history_product: Whether the deep network also sees each history's plain sum and its
            product with the candidate, as the authors of DIEN give it to DIN.
        dropout: The share of the deep network's units that are dropped in training.

    Call arguments:
        inputs: Mapping of column name to tensor: `[B]`, or `[B, L]` for a `History`.
        training: Whether dropout is on, and Dice uses the batch's statistics.

    Returns:
        `[B, 1]` float32 probabilities.

    Raises:
        ValueError: An argument is out of range, or the features lack the item's id or a history.

    Relations:
        `DIEN` also follows how interests change.

    Example:
        >>> from tfrs_ext.features import Categorical, History
        >>> features = [Categorical("item", (7, 8)), History("clicks", (7, 8), length=3)]
        >>> model = DIN(features, item_id="item", embedding_dim=4, hidden_units=(8,))
        >>> model({"item": tf.constant([7]), "clicks": tf.constant([[-1, 8, 7]])}).shape
        TensorShape([1, 1])

    References:
        G. Zhou et al., 2018. Deep Interest Network for Click-Through Rate Prediction.
        arXiv:1706.06978.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        item_id: str,
        embedding_dim: int = 32,
        hidden_units: Sequence[int] = (200, 80),
        attention_units: Sequence[int] = (80, 40),
        activation: Activation = "dice",
        interaction: str = "difference",
        use_softmax: bool = False,
        history_product: bool = False,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(features, **kwargs)
        sequences, others = find_sequences(features, item_id)
        if not attention_units:
            raise ValueError(
                "`attention_units` must be positive integers, one or more, received none."
            )
        self.item_id = item_id
        self.items = BehaviourEmbedding(features, sequences, embedding_dim, name="items")
        self.attentions = [
            DINAttention(attention_units, activation, interaction, use_softmax) for _ in sequences
        ]
        self.history_product = history_product
        self.profile = FeatureEncoder(others, embedding_dim, name="profile") if others else None
        self.deep = MLP(hidden_units, activation, dropout, name="deep")
        self.create()

    @classmethod
    def missing_columns(
        cls, features: Sequence[Feature], item_id: str | None, user_id: str | None
    ) -> list[str]:
        """Returns whether the item's id or a history of such ids is missing."""
        return missing_behaviours(features, item_id)

    @classmethod
    def search_space(cls, hp: HyperParameters, features: Sequence[Feature]) -> Config:
        """Registers the deep network's widths, and the kinds of attention."""
        network = search_network(hp, activation="dice")
        units = hp.Choice("attention_units", [20, 40, 80], default=80)
        return {
            **network,
            "attention_units": (units, units // 2),
            "interaction": hp.Choice("interaction", ["difference", "outer"], default="difference"),
            "use_softmax": hp.Boolean("use_softmax", default=False),
            "history_product": hp.Boolean("history_product", default=False),
        }

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns the deep network's output."""
        candidate, behaviours = self.items(inputs, training=training)
        parts = [candidate]
        for (own, keys, _, mask), attention in zip(behaviours, self.attentions, strict=True):
            parts.append(attention([own, keys], mask=mask, training=training))
            if self.history_product:
                total = tf.einsum("bl,bld->bd", tf.cast(mask, keys.dtype), keys)
                parts += [total, own * total]
        if self.profile is not None:
            parts.append(self.profile(inputs))
        return self.deep(tf.concat(parts, -1), training=training)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        attention = self.attentions[0]
        return {
            **super().get_config(),
            "item_id": self.item_id,
            "embedding_dim": self.items.embedding_dim,
            "hidden_units": self.deep.hidden_units,
            "attention_units": attention.hidden_units,
            "activation": self.deep.get_config()["activation"],
            "interaction": attention.interaction,
            "use_softmax": attention.use_softmax,
            "history_product": self.history_product,
            "dropout": self.deep.dropout,
        }


register_ranker("din", DIN)
