"""Neural matrix factorization, and its two halves."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, FeatureEncoder
from tfrs_ext.layers import MLP
from tfrs_ext.models.rankers import register_ranker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.search_space import search_hidden_units
from tfrs_ext.typing import Columns, Config, HyperParameters, Training

_BRANCHES = ("gmf", "mlp")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class NeuMF(RankingModel):
    """Ranks by a product of embeddings fused with a deep network on other embeddings.

    `sigmoid(h . [p_u * q_i; MLP([p'_u; q'_i])])`; each branch has its own embeddings.

    Train `branches=("gmf",)` and `branches=("mlp",)` first, put both into one with `pretrain`,
    and go on with plain SGD, as the paper does; or train both branches at once.

    Args:
        features: The user's and the item's `Categorical` features.
        factors: Width of the embeddings in the product.
        hidden_units: Widths of the network's layers; its embeddings are half as wide as the first
            is, so that their concatenation is as wide.
        branches: "gmf", "mlp" or both.

    Call arguments:
        inputs: Mapping of column name to tensor `[B]`.

    Returns:
        `[B, 1]` float32 probabilities.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> model = NeuMF([Categorical("user", (1, 2)), Categorical("item", (7, 8))], factors=4)
        >>> model({"user": tf.constant([1, 2]), "item": tf.constant([8, 9])}).shape
        TensorShape([2, 1])

    References:
        X. He et al., 2017. Neural Collaborative Filtering. arXiv:1708.05031.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        factors: int = 8,
        hidden_units: Sequence[int] = (32, 16, 8),
        branches: Sequence[str] = _BRANCHES,
        **kwargs: Any,
    ) -> None:
        super().__init__(features, **kwargs)
        if len(self.features) != 2 or not all(isinstance(f, Categorical) for f in self.features):
            raise ValueError(
                "`features` must be the user's and the item's categorical features, "
                f"received {[f.name for f in self.features]}."
            )
        if not branches or not set(branches) <= set(_BRANCHES):
            raise ValueError(f"`branches` must be out of {_BRANCHES}, received {branches=}.")
        if factors < 1:
            raise ValueError(f"`factors` must be a positive integer, received {factors=}.")
        if not hidden_units:
            raise ValueError(
                "`hidden_units` must be positive integers, one or more, received none."
            )
        self.factors = factors
        self.hidden_units = tuple(hidden_units)
        self.branches = tuple(branches)
        if "gmf" in branches:
            self.gmf = [FeatureEncoder([feature], factors) for feature in self.features]
        if "mlp" in branches:
            width = max(self.hidden_units[0] // 2, 1)
            self.mlp_inputs = FeatureEncoder(self.features, width)
            self.mlp = MLP(self.hidden_units)
        self.create()

    @classmethod
    def missing_columns(
        cls, features: Sequence[Feature], item_id: str | None, user_id: str | None
    ) -> list[str]:
        """Returns the ids that are no `Categorical` among the features."""
        ids = {"user_id": user_id, "item_id": item_id}
        known = {feature.name for feature in features if isinstance(feature, Categorical)}
        words = {"user_id": "user's", "item_id": "item's"}
        return [
            f"a `Categorical` with the {words[key]} id (`{key}`)"
            for key in ids
            if ids[key] not in known
        ]

    @classmethod
    def from_features(
        cls,
        features: Sequence[Feature],
        *,
        item_id: str | None = None,
        user_id: str | None = None,
        **arguments: Any,
    ) -> "NeuMF":
        """Returns the model of the two ids among the columns."""
        by_name = {feature.name: feature for feature in features}
        return cls([by_name[user_id or ""], by_name[item_id or ""]], **arguments)

    @classmethod
    def search_space(cls, hp: HyperParameters, features: Sequence[Feature]) -> Config:
        """Registers the widths of both branches."""
        return {
            "hidden_units": search_hidden_units(hp),
            "factors": hp.Choice("factors", [8, 16, 32, 64], default=8),
        }

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns the branches' outputs side by side."""
        parts = []
        if "gmf" in self.branches:
            user, item = (encoder(inputs) for encoder in self.gmf)
            parts.append(user * item)
        if "mlp" in self.branches:
            parts.append(self.mlp(self.mlp_inputs(inputs)))
        return tf.concat(parts, -1)

    def pretrain(self, gmf: "NeuMF", mlp: "NeuMF", alpha: float = 0.5) -> None:
        """Takes over the weights of two trained halves.

        The head becomes `[alpha h_gmf; (1 - alpha) h_mlp]`, its bias
        `alpha b_gmf + (1 - alpha) b_mlp`.

        Args:
            gmf: A trained model with the branch "gmf" and the widths of this model.
            mlp: A trained model with the branch "mlp" and the widths of this model.
            alpha: The weight of the product, in [0, 1].
        """
        branches = (self.branches, gmf.branches, mlp.branches)
        if branches != (_BRANCHES, ("gmf",), ("mlp",)):
            raise ValueError(
                "`pretrain` must be called on a model of both branches, with a model of each, "
                f"received branches {branches}."
            )
        if not 0 <= alpha <= 1:
            raise ValueError(f"`alpha` must be in [0, 1], received {alpha=}.")
        for ours, theirs in zip(self.gmf, gmf.gmf, strict=True):
            ours.set_weights(theirs.get_weights())
        self.mlp_inputs.set_weights(mlp.mlp_inputs.get_weights())
        self.mlp.set_weights(mlp.mlp.get_weights())
        (h_gmf, b_gmf), (h_mlp, b_mlp) = gmf.head.get_weights(), mlp.head.get_weights()
        self.head.kernel.assign(tf.concat([alpha * h_gmf, (1 - alpha) * h_mlp], 0))
        self.head.bias.assign(alpha * b_gmf + (1 - alpha) * b_mlp)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "factors": self.factors,
            "hidden_units": self.hidden_units,
            "branches": self.branches,
        }


register_ranker("neumf", NeuMF)
