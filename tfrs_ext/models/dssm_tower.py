"""One tower of DSSM: from a text to a point on the unit sphere."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, Trigrams, example_inputs, read_columns
from tfrs_ext.layers import MLP
from tfrs_ext.typing import Columns, Config

_LEAST_SQUARED_LENGTH = 1e-6


@keras.saving.register_keras_serializable(package="tfrs_ext")
class DSSMTower(keras.Model):
    """Embeds a text by its letter trigrams and layers of tanh.

    `y = tanh(W_3 tanh(W_2 tanh(W_1 x + b_1) + b_2) + b_3)`, divided by its length; x counts the
    trigrams. `W_1 x` adds up the rows of W_1 that x has, so no row `[V]` is ever made, and
    all is computed in float32, whatever the policy.

    A text without a word gives zeros until the biases have moved. Vectors shorter than a thousandth
    are divided by that, not by their length, so that such texts have bounded gradients.

    Args:
        feature: The column of texts.
        hidden_units: The widths of the layers; the last is D.
        item_feature: Another column, which `item_model` embeds with the same weights; or None.
        network: The layers of another tower, to share them; None makes new ones.

    Call arguments:
        inputs: Mapping of column name to tensor, with the texts `[B]`.

    Returns:
        `[B, D]` float32 of unit length, whose inner product is the cosine.

    Raises:
        ValueError: A feature is no `Trigrams`, the two columns have other trigrams, or a width
            isn't positive.
    """

    def __init__(
        self,
        feature: Feature,
        hidden_units: Sequence[int] = (300, 300, 128),
        item_feature: Feature | None = None,
        network: keras.layers.Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # Texts are no activations.
        self.feature = _check_text(feature)
        self.item_feature = None if item_feature is None else _check_text(item_feature)
        if not hidden_units:
            raise ValueError("`hidden_units` must hold the width of one layer at least.")
        self.hidden_units = tuple(hidden_units)
        self.trigrams = self.feature.trigrams()
        # Half precision would copy W_1 whole in each step, and make its gradient dense.
        self.network = network or MLP(self.hidden_units, "tanh", dtype="float32", name="network")
        self.item_model: DSSMTower | None = None
        if self.item_feature is not None:
            _check_same_trigrams(self.feature, self.item_feature)
            self.item_model = DSSMTower(
                self.item_feature, hidden_units, network=self.network, name="candidate_model"
            )
        self(example_inputs(self.features))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The one column that the tower reads."""
        return (self.feature,)

    def call(self, inputs: Columns) -> tf.Tensor:
        """Returns the embeddings `[B, D]`."""
        texts = read_columns(inputs, self.features)[self.feature.name]
        outputs = self.network(self.trigrams(texts))
        return tf.math.l2_normalize(outputs, axis=1, epsilon=_LEAST_SQUARED_LENGTH)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        item = self.item_feature
        return {
            "name": self.name,
            "feature": self.feature.get_config(),
            "hidden_units": list(self.hidden_units),
            "item_feature": None if item is None else item.get_config(),
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "DSSMTower":
        """Builds the tower that `get_config` described."""
        features = {
            part: None if config[part] is None else Feature.from_config(config[part])
            for part in ("feature", "item_feature")
        }
        return cls(**{**config, **features})

    def build_from_config(self, config: Config) -> None:
        """Does nothing: the constructor creates the variables."""


def _check_text(feature: Feature) -> Trigrams:
    if not isinstance(feature, Trigrams):
        raise ValueError(
            f"`feature` must be a `features.Trigrams` column of texts, received {feature!r}."
        )
    return feature


def _check_same_trigrams(query: Trigrams, item: Trigrams) -> None:
    if (query.vocabulary, query.num_buckets) != (item.vocabulary, item.num_buckets):
        raise ValueError(
            f"Columns that share weights must have the same trigrams, received {query.name!r} with "
            f"{len(query.vocabulary)} and {item.name!r} with {len(item.vocabulary)}: fit one "
            "vocabulary to the texts of both."
        )
