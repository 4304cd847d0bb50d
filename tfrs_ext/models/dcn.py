"""Deep & Cross Networks."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, FeatureEncoder
from tfrs_ext.layers import MLP, CrossNetwork
from tfrs_ext.models.rankers import register_ranker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.search_space import EMBEDDING_DIMS, search_network
from tfrs_ext.typing import Activation, Columns, Config, HyperParameters, Training

_STRUCTURES = ("stacked", "parallel")
_RANKS = (8, 16, 32, 64)


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DCN(RankingModel):
    """Ranks with explicit crosses of features beside, or below, a deep network.

    | paper | arguments |
    |---|---|
    | DCN | `parameterization="vector", structure="parallel"` |
    | DCN-V2 | the defaults, or `projection_dim` |
    | DCN-Mix | `projection_dim` and `num_experts` |
    | DNN | `cross_layers=0` |

    Given the features of queries and candidates together, it is the early fusion of both.

    Args:
        features: The columns to read, with their facts.
        embedding_dim: Width of every embedding table.
        cross_layers: Number of cross layers, 0 for none.
        hidden_units: Widths of the deep network's layers, empty for none.
        structure: "stacked", the deep network on top of the crosses, or "parallel".
        parameterization: What a cross layer learns: "matrix" or "vector".
        projection_dim: The rank of the crosses' matrices, or the width of the experts' subspaces;
            None for full matrices.
        num_experts: The number of experts in a cross layer, or None for one matrix.
        activation: The activation of the deep network: "relu", "dice", "prelu", what Keras
            takes, or a layer.
        dropout: The share of the deep network's units that are dropped in training.
        **kwargs: `output_activation`, as in `RankingModel`, and the name.

    Call arguments:
        inputs: Mapping of column name to tensor, as `features.FeatureEncoder` takes it.
        training: Whether dropout is on.

    Returns:
        `[B, 1]` float32 probabilities.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> from tfrs_ext.features import Categorical, Numeric
        >>> model = DCN([Categorical("genre", ("a", "b")), Numeric("year")], hidden_units=(8,))
        >>> model({"genre": tf.constant(["a", "c"]), "year": tf.constant([1.0, 2.0])}).shape
        TensorShape([2, 1])

    References:
        R. Wang et al., 2017. Deep & Cross Network for Ad Click Predictions. arXiv:1708.05123.
        R. Wang et al., 2021. DCN V2: Improved Deep & Cross Network. arXiv:2008.13535.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        embedding_dim: int = 32,
        cross_layers: int = 3,
        hidden_units: Sequence[int] = (192, 192),
        structure: str = "stacked",
        parameterization: str = "matrix",
        projection_dim: int | None = None,
        num_experts: int | None = None,
        activation: Activation = "relu",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(features, **kwargs)
        if structure not in _STRUCTURES:
            raise ValueError(f"`structure` must be one of {_STRUCTURES}, received {structure=}.")
        if cross_layers < 0:
            raise ValueError(f"`cross_layers` must be 0 or more, received {cross_layers=}.")
        self.structure = structure
        self._cross_arguments: dict[str, Any] = {
            "parameterization": parameterization,
            "projection_dim": projection_dim,
            "num_experts": num_experts,
        }
        self.encoder = FeatureEncoder(features, embedding_dim, name="features")
        self.cross = CrossNetwork(cross_layers, **self._cross_arguments) if cross_layers else None
        self.deep = MLP(hidden_units, activation, dropout, name="deep")
        self.create()

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns the deep network's output, beside that of the crosses where parallel."""
        x0 = self.encoder(inputs)
        crossed = x0 if self.cross is None else self.cross(x0)
        if self.structure == "stacked" or self.cross is None:
            return self.deep(crossed, training=training)
        return tf.concat([crossed, self.deep(x0, training=training)], -1)

    @classmethod
    def search_space(cls, hp: HyperParameters, features: Sequence[Feature]) -> Config:
        """Registers the deep network's widths, and those of the crosses."""
        return _search_dcn_v2(hp, features)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            **self._cross_arguments,
            "embedding_dim": self.encoder.embedding_dim,
            "cross_layers": self.cross.num_layers if self.cross else 0,
            "hidden_units": self.deep.hidden_units,
            "structure": self.structure,
            "activation": self.deep.get_config()["activation"],
            "dropout": self.deep.dropout,
        }


def _search_dnn(hp: HyperParameters, features: Sequence[Feature]) -> Config:
    return search_network(hp)


def _search_dcn(hp: HyperParameters, features: Sequence[Feature]) -> Config:
    return {**search_network(hp), "cross_layers": hp.Int("cross_layers", 1, 4, default=3)}


def _search_dcn_v2(hp: HyperParameters, features: Sequence[Feature]) -> Config:
    arguments = {**_search_dcn(hp, features), "structure": _search_structure(hp)}
    has_low_rank = hp.Boolean("low_rank", default=False)
    with hp.conditional_scope("low_rank", [True]):
        rank = _search_rank(hp, features)
    return {**arguments, "projection_dim": rank if has_low_rank else None}


def _search_dcn_mix(hp: HyperParameters, features: Sequence[Feature]) -> Config:
    return {
        **_search_dcn(hp, features),
        "structure": _search_structure(hp),
        "num_experts": hp.Choice("num_experts", [2, 4, 8], default=4),
        "projection_dim": _search_rank(hp, features),
    }


def _search_structure(hp: HyperParameters) -> str:
    return hp.Choice("structure", _STRUCTURES, default="stacked")


def _search_rank(hp: HyperParameters, features: Sequence[Feature]) -> int:
    # A rank above the width of the crosses' input would be an error.
    ranks = [rank for rank in _RANKS if rank <= _least_width(features)] or [1]
    return hp.Choice("projection_dim", ranks, default=max(rank for rank in ranks if rank <= 32))


def _least_width(features: Sequence[Feature]) -> int:
    return sum(feature.output_width(EMBEDDING_DIMS[0]) for feature in features)


register_ranker("dcn_v2", DCN, _search_dcn_v2)
register_ranker("dcn_mix", DCN, _search_dcn_mix)
register_ranker("dcn", DCN, _search_dcn, parameterization="vector", structure="parallel")
register_ranker("dnn", DCN, _search_dnn, cross_layers=0)
