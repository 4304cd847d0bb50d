"""A tower that is a table: one row for each id."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, Feature, example_inputs, read_columns
from tfrs_ext.typing import Columns, Config, Training

_SIDES = (None, "query", "candidate")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class EmbeddingTower(keras.Model):
    """Embeds the ids of one column, and reads nothing else.

    `e[id]`, a row of the table; with a bias `[e[id], b[id], 1]` for queries and `[e[id], 1, b[id]]`
    for candidates, whose inner product is `<e, e'> + b + b'`.

    Args:
        feature: The `Categorical` column with the ids; those outside its vocabulary share a row.
        embedding_dim: The width of the rows.
        bias: Whose bias each id has, "query" or "candidate"; None for none.
        normalize: Whether the rows have unit length; the bias isn't counted.

    Call arguments:
        inputs: Mapping of column name to tensor, with the ids `[B]`.
        training: Whether the model trains, which a feature with an `unknown_rate` asks for.

    Returns:
        `[B, D]` float32, where D is `embedding_dim`, and two more with a bias.

    Raises:
        ValueError: Where `feature` is no `Categorical`, `embedding_dim` isn't positive, or `bias`
            is no side.

    Relations:
        It is both towers of `MatrixFactorization`, and the candidates' of `SoftmaxModel`. `Tower`
        embeds several columns, so that ids which training never saw are told apart.

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> tower = EmbeddingTower(Categorical("item_id", (7, 8)), embedding_dim=4)
        >>> tower({"item_id": tf.constant([7, 9], tf.int64)}).shape
        TensorShape([2, 4])
    """

    def __init__(
        self,
        feature: Feature,
        embedding_dim: int = 64,
        bias: str | None = None,
        normalize: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # Raw ids are no activations.
        if not isinstance(feature, Categorical):
            raise ValueError(
                f"`feature` must be a `features.Categorical` with ids, received {feature!r}. "
                "`models.Tower` embeds columns of every kind."
            )
        if embedding_dim < 1:
            raise ValueError(f"`embedding_dim` must be positive, received {embedding_dim=}.")
        if bias not in _SIDES:
            raise ValueError(f"`bias` must be one of {_SIDES}, received {bias=}.")
        self.feature = feature
        self.embedding_dim = embedding_dim
        self.bias = bias
        self.normalize = normalize
        # A bias is the last column of the table: one lookup finds both.
        self.encoder = feature.encoder(embedding_dim + (bias is not None))
        self(example_inputs(self.features))

    @property
    def features(self) -> tuple[Feature, ...]:
        """The one column that the tower reads."""
        return (self.feature,)

    def call(self, inputs: Columns, training: Training = None) -> tf.Tensor:
        """Returns the embeddings `[B, D]`."""
        ids = read_columns(inputs, self.features)[self.feature.name]
        rows = tf.cast(self.encoder(ids, training=training), tf.float32)
        embeddings, bias = tf.split(
            rows, [self.embedding_dim, rows.shape[1] - self.embedding_dim], 1
        )
        if self.normalize:
            embeddings = tf.math.l2_normalize(embeddings, axis=1)
        if self.bias is None:
            return embeddings
        parts = (bias, tf.ones_like(bias))
        return tf.concat([embeddings, *(parts if self.bias == "query" else parts[::-1])], axis=1)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        return {
            "name": self.name,
            "feature": self.feature.get_config(),
            "embedding_dim": self.embedding_dim,
            "bias": self.bias,
            "normalize": self.normalize,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "EmbeddingTower":
        """Builds the tower that `get_config` described."""
        return cls(**{**config, "feature": Feature.from_config(config["feature"])})

    def build_from_config(self, config: Config) -> None:
        """Does nothing: the constructor creates the variables."""
