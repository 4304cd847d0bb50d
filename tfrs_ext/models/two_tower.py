"""The two-tower retriever."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature
from tfrs_ext.models.base import Model
from tfrs_ext.models.tower import Tower
from tfrs_ext.tasks import Retrieval


@keras.saving.register_keras_serializable(package="tfrs_ext")
class TwoTower(Model):
    """Retrieves by the inner product of a query's and a candidate's embedding.

    Args:
        query_features: Columns of the query tower, with their facts.
        candidate_features: Columns of the candidate tower; the first is the item id.
        task: What is minimised; `tasks.Retrieval()` where it is None.
        frequency: A layer from item ids `[B]` to the logarithm of their probability `[B]`
            (`frequencies.CountedFrequency`, `frequencies.StreamingFrequency`), for the losses that
            correct for the sampling of negatives; None for those that don't.
        embedding_dim: Width of the embedding tables and of the towers' outputs.
        hidden_units: Widths of the hidden layers of both towers.
        activation: Of the hidden layers.
        dropout: Share of hidden units that are dropped in training.
        normalize: Whether embeddings have unit length; give the task a temperature then.
        known_positives: A column `[B, P]` of item ids that are no negatives of their row, such as
            "history"; None keeps them.

    Call arguments:
        inputs: Mapping of column name to tensor with the columns of both towers. Training also
            reads `sample_weight` `[B]` where the mapping has it.
        training: Whether dropout is on.

    Returns:
        `[B]` float32, the inner product of each row's query and candidate. `query_model` and
        `candidate_model` give the embeddings `[B, D]`.

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> user, item = Categorical("user", (1, 2)), Categorical("item", (7, 8, 9))
        >>> model = TwoTower([user], [item], embedding_dim=4)
        >>> model.compile("adagrad")
        >>> rows = {"user": tf.constant([1, 2], tf.int64), "item": tf.constant([7, 9], tf.int64)}
        >>> history = model.fit(tf.data.Dataset.from_tensors(rows), verbose=0)

    References:
        Yi et al.: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations,
        RecSys 2019.
    """

    def __init__(
        self,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        task: Retrieval | None = None,
        frequency: Any = None,
        embedding_dim: int = 64,
        hidden_units: Sequence[int] = (128,),
        activation: Any = "relu",
        dropout: float = 0.0,
        normalize: bool = True,
        known_positives: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        options = {
            "embedding_dim": embedding_dim,
            "hidden_units": hidden_units,
            "activation": activation,
            "dropout": dropout,
            "normalize": normalize,
        }
        self.query_model = Tower(query_features, **options, name="query_model")
        self.candidate_model = Tower(candidate_features, **options, name="candidate_model")
        self.task = Retrieval() if task is None else task
        self.frequency = frequency
        self.known_positives = known_positives
        # Created whole: saved files load, and backups are restored, before a first call.
        encoders = (self.query_model.encoder, self.candidate_model.encoder)
        self({**encoders[0].example_inputs(), **encoders[1].example_inputs()})

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool | None = None) -> tf.Tensor:
        """Returns the score of each row's pair `[B]`."""
        queries = self.query_model(inputs, training=training)
        return tf.reduce_sum(queries * self.candidate_model(inputs, training=training), axis=1)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the task's loss; metrics over the corpus are computed in evaluation only."""
        return self.pair_loss(
            self.query_model(inputs, training=training),
            self.candidate_model(inputs, training=training),
            inputs,
            inputs.get("sample_weight"),
            training,
        )

    def pair_loss(
        self,
        queries: tf.Tensor,
        candidates: tf.Tensor,
        inputs: Mapping[str, tf.Tensor],
        sample_weight: tf.Tensor | None,
        training: bool = False,
    ) -> tf.Tensor:
        """Returns the task's loss of embeddings that are at hand.

        Args:
            queries: `[B, D]`, from `query_model`.
            candidates: `[B, D]`, from `candidate_model`.
            inputs: The columns that they were made of.
            sample_weight: `[B]` or None.
            training: Whether the model trains.
        """
        ids = inputs[self.candidate_model.features[0].name]
        probability = None
        if self.frequency is not None:
            probability = tf.exp(self.frequency(ids, training=training))
        return self.task(
            queries,
            candidates,
            sample_weight=sample_weight,
            candidate_sampling_probability=probability,
            candidate_ids=ids,
            known_positives=inputs[self.known_positives] if self.known_positives else None,
            compute_metrics=not training,
            candidate_model=self.candidate_model,
            features=inputs,
            training=training,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, JSON-able."""
        tower = self.query_model.get_config()
        query_features = tower.pop("features")
        del tower["name"], tower["output_dim"]
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "query_features": query_features,
            "candidate_features": self.candidate_model.get_config()["features"],
            "task": serialize(self.task),
            "frequency": None if self.frequency is None else serialize(self.frequency),
            "known_positives": self.known_positives,
            **tower,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "TwoTower":
        """Builds the model that `get_config` described."""
        config = dict(config)
        for side in ("query_features", "candidate_features"):
            config[side] = [Feature.from_config(feature) for feature in config[side]]
        for part in ("task", "frequency"):
            if config[part] is not None:
                config[part] = keras.saving.deserialize_keras_object(
                    config[part], custom_objects=custom_objects
                )
        return cls(**config)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Does nothing: the constructor creates the variables."""
