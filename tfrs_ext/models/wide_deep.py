"""Wide & Deep."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, FeatureEncoder
from tfrs_ext.layers import MLP
from tfrs_ext.models.rankers import register_ranker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.search_space import search_network
from tfrs_ext.typing import Activation, Columns, Config, HyperParameters, Training


@keras.saving.register_keras_serializable(package="tfrs_ext")
class WideDeep(RankingModel):
    """Ranks by a linear model on ids and crossed ids, which memorises, beside a deep network.

    `P(y = 1) = sigmoid(w . [x, phi(x)] + v . a + b)`, where `phi` are crosses of categorical
    columns, hashed, and `a` the output of the deep network on embeddings.

    Args:
        features: The columns to read, with their facts.
        crosses: Tuples of names of `Categorical` features, each a crossed column.
        cross_bins: Number of bins that the values of a crossed column are hashed to.
        embedding_dim: Width of every embedding table of the deep network.
        hidden_units: Widths of its layers.
        activation: The activation of its layers: "relu", "dice", "prelu", what Keras
            takes, or a layer.
        dropout: The share of its units that are dropped in training.
        **kwargs: `output_activation`, as in `RankingModel`, and the name.

    Call arguments:
        inputs: Mapping of column name to tensor, as `features.FeatureEncoder` takes it.
        training: Whether dropout is on.

    Returns:
        `[B, 1]` float32 probabilities.

    Raises:
        ValueError: An argument is out of range, or crosses what is not categorical.

    Relations:
        `DCN` learns which crosses matter. The paper trains the linear part with FTRL and L1, the
        deep part with Adagrad; here one optimizer trains both.

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> features = [Categorical("genre", ("a", "b")), Categorical("country", ("x", "y"))]
        >>> model = WideDeep(features, crosses=[("genre", "country")], hidden_units=(8,))
        >>> model({"genre": tf.constant(["a", "c"]), "country": tf.constant(["x", "y"])}).shape
        TensorShape([2, 1])

    References:
        H.-T. Cheng et al., 2016. Wide & Deep Learning for Recommender Systems. arXiv:1606.07792.
    """

    def __init__(
        self,
        features: Sequence[Feature],
        crosses: Sequence[Sequence[str]] = (),
        cross_bins: int = 100_000,
        embedding_dim: int = 32,
        hidden_units: Sequence[int] = (256, 128),
        activation: Activation = "relu",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(features, **kwargs)
        if cross_bins < 1:
            raise ValueError(f"`cross_bins` must be a positive integer, received {cross_bins=}.")
        self.crosses = tuple(tuple(names) for names in crosses)
        self.cross_bins = cross_bins
        self._check_crosses()
        self.encoder = FeatureEncoder(features, embedding_dim, name="features")
        self.deep = MLP(hidden_units, activation, dropout, name="deep")
        self.wide = FeatureEncoder(features, 1, name="wide")
        self.hashes = [keras.layers.HashedCrossing(cross_bins) for _ in self.crosses]
        self.weights_of_crosses = [
            keras.layers.Embedding(cross_bins, 1, embeddings_initializer="zeros")
            for _ in self.crosses
        ]
        self.create()

    @classmethod
    def search_space(cls, hp: HyperParameters, features: Sequence[Feature]) -> Config:
        """Registers the deep network's widths."""
        return search_network(hp)

    def _check_crosses(self) -> None:
        known = {f.name for f in self.features if isinstance(f, Categorical)}
        for names in self.crosses:
            if len(names) < 2 or not known.issuperset(names):
                raise ValueError(
                    "`crosses` must be tuples of two or more categorical features out of "
                    f"{sorted(known)}, received {names}."
                )

    def hidden(self, inputs: Columns, training: Training) -> tf.Tensor:
        """Returns the linear terms beside the deep network's output."""
        parts = [self.deep(self.encoder(inputs), training=training), self.wide(inputs)]
        for names, hashing, weights in zip(
            self.crosses, self.hashes, self.weights_of_crosses, strict=True
        ):
            parts.append(weights(hashing(tuple(inputs[name] for name in names))))
        return tf.concat(parts, -1)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            **super().get_config(),
            "crosses": [list(names) for names in self.crosses],
            "cross_bins": self.cross_bins,
            "embedding_dim": self.encoder.embedding_dim,
            "hidden_units": self.deep.hidden_units,
            "activation": self.deep.get_config()["activation"],
            "dropout": self.deep.dropout,
        }


register_ranker("wide_deep", WideDeep)
