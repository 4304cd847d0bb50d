"""The Deep Interest Evolution Network."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, FeatureEncoder
from tfrs_ext.layers import AUGRU, MLP, InterestExtractor
from tfrs_ext.models.behaviours import (
    BehaviourEmbedding,
    Behaviours,
    find_sequences,
    missing_behaviours,
)
from tfrs_ext.models.rankers import register_ranker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.search_space import search_network
from tfrs_ext.typing import Activation, Columns, Config, HyperParameters, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DIEN(RankingModel):
    """Ranks a candidate by how the user's interest in its like has evolved.

    Interests are states of a GRU over the behaviours, `layers.InterestExtractor`, whose auxiliary
    loss sets each next behaviour against an item drawn at random; the candidate attends to them
    by `a_t = softmax_t(h_t W e)`; `layers.AUGRU` follows the interest. A deep network sees
    candidate, the sum of the behaviours, its product with the candidate, the last interest, and
    all other features, as in the authors' code. Several histories are followed one by one.

    Behaviours may have side information: beside a history `clicks` of ids, one that is called
    `clicks_genre` holds, place by place, the values of the candidate's column `genre`.

    Args:
        features: The columns to read, with their facts: the candidate's id, one `History` or more
            with the vocabulary of that id, histories beside them, and any others.
        item_id: Name of the `Categorical` feature with the candidate's id.
        embedding_dim: Width of every embedding table; interests are as wide as behaviours.
        hidden_units: Widths of the deep network's layers.
        variant: How attention steers the second layer: "AUGRU", "AGRU" or "AIGRU".
        auxiliary_units: The widths of the network that scores the next behaviour in the auxiliary
            loss; None for an inner product.
        auxiliary_weight: The factor of the auxiliary loss, 0 for none.
        auxiliary_reduction: "paper" or "authors": whether the auxiliary loss of a history is summed
            over its steps, or is the mean over them; see `layers.InterestExtractor`.
        activation: The activation of the deep network: "relu", "dice", "prelu", what Keras
            takes, or a layer.
        dropout: The share of the deep network's units that are dropped in training.

    Call arguments:
        inputs: Mapping of column name to tensor: `[B]`, or `[B, L]` for a `History`, oldest
            first.
        training: Whether the auxiliary loss is added, dropout is on, and Dice uses the batch's
            statistics.

    Returns:
        `[B, 1]` float32 probabilities.

    Raises:
        ValueError: An argument is out of range, or the features lack the item's id or a history.

    Relations:
        `DIN` sums instead of following, at a fraction of the cost.

    Example:
        >>> from tfrs_ext.features import Categorical, History
        >>> features = [Categorical("item", (7, 8)), History("clicks", (7, 8), length=3)]
        >>> model = DIEN(features, item_id="item", embedding_dim=4, hidden_units=(8,))
        >>> model({"item": tf.constant([7]), "clicks": tf.constant([[-1, 8, 7]])}).shape
        TensorShape([1, 1])

    References:
        G. Zhou et al., 2019. Deep Interest Evolution Network for Click-Through Rate Prediction.
        arXiv:1809.03672.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        item_id: str,
        embedding_dim: int = 32,
        hidden_units: Sequence[int] = (200, 80),
        variant: str = "AUGRU",
        auxiliary_units: Sequence[int] | None = None,
        auxiliary_weight: float = 1.0,
        auxiliary_reduction: str = "paper",
        activation: Activation = "dice",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(features, **kwargs)
        sequences, others = find_sequences(features, item_id)
        self.item_id = item_id
        self.items = BehaviourEmbedding(features, sequences, embedding_dim, name="items")
        widths = [self.items.width(sequence) for sequence in sequences]
        self.evolutions = [
            _InterestEvolution(
                InterestExtractor(width, auxiliary_units, auxiliary_weight, auxiliary_reduction),
                AUGRU(width, variant),
            )
            for width in widths
        ]
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
        """Registers the deep network's widths, and how interests are followed."""
        return {
            **search_network(hp, activation="dice"),
            "variant": hp.Choice("variant", ["AUGRU", "AIGRU", "AGRU"], default="AUGRU"),
            "auxiliary_weight": hp.Choice("auxiliary_weight", [0.0, 0.3, 1.0], default=1.0),
        }

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns the deep network's output."""
        candidate, behaviours = self.items(inputs, training=training)
        parts = [candidate]
        triples = zip(self.items.sequences, behaviours, self.evolutions, strict=True)
        for sequence, found, evolution in triples:
            negatives = self.items.others(sequence, found.rows) if training else None
            last = evolution(found, negatives, training=training)
            total = tf.einsum("bl,bld->bd", tf.cast(found.mask, found.keys.dtype), found.keys)
            parts += [total, found.candidate * total, last]
        if self.profile is not None:
            parts.append(self.profile(inputs))
        return self.deep(tf.concat(parts, -1), training=training)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        evolution = self.evolutions[0]
        return {
            **super().get_config(),
            "item_id": self.item_id,
            "embedding_dim": self.items.embedding_dim,
            "hidden_units": self.deep.hidden_units,
            "variant": evolution.evolution.variant,
            "auxiliary_units": evolution.extractor.auxiliary_units,
            "auxiliary_weight": evolution.extractor.auxiliary_weight,
            "auxiliary_reduction": evolution.extractor.auxiliary_reduction,
            "activation": self.deep.get_config()["activation"],
            "dropout": self.deep.dropout,
        }


class _InterestEvolution(keras.layers.Layer):
    """Follows the interest in the candidate along one sequence of behaviours."""

    def __init__(self, extractor: InterestExtractor, evolution: AUGRU, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        self.extractor, self.evolution = extractor, evolution
        self.attention_kernel = keras.layers.Dense(extractor.gru.units, use_bias=False)
        self.attention = keras.layers.Attention()

    def call(
        self, behaviours: Behaviours, negatives: tf.Tensor | None, training: Training = None
    ) -> tf.Tensor:
        """Returns the last interest `[B, D]`."""
        keys, mask = behaviours.keys, behaviours.mask
        inputs = keys if negatives is None else [keys, negatives]
        interests = self.extractor(inputs, mask=mask, training=training)
        query = self.attention_kernel(behaviours.candidate)[:, None]
        _, scores = self.attention(
            [query, interests], mask=[None, mask], return_attention_scores=True
        )
        return self.evolution([interests, scores[:, 0]], mask=mask)


register_ranker("dien", DIEN)
