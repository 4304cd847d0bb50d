"""The two-tower retriever."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature, as_columns, example_inputs
from tfrs_ext.frequencies import CountedFrequency
from tfrs_ext.losses import CorrectedSampledSoftmax, SampledSoftmax
from tfrs_ext.models.base import Model
from tfrs_ext.models.frame_input import FrameInput
from tfrs_ext.models.tower import Tower
from tfrs_ext.negatives import InBatch
from tfrs_ext.tasks import Retrieval
from tfrs_ext.typing import Activation, Config, HyperParameters, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class TwoTower(FrameInput, Model):
    """Retrieves by the inner product of a query's and a candidate's embedding.

    The towers are any Keras models or layers. `TwoTower.from_features` builds them from columns.

    Args:
        query_model: Gives the embeddings of queries `[B, D]`.
        candidate_model: Gives the embeddings of candidates `[B, D]`; None takes the `item_model` of
            a query model that reads histories with it, such as `models.SequenceTower`.
        task: What is minimised; `tasks.Retrieval()` where it is None.
        item_id: The column with the ids of the candidates.
        known_positives: A column `[B, P]` of item ids that are no negatives of their row, such as
            "history"; None keeps them.
        query_column: The one column that `query_model` takes, as a tensor; where it is None, the
            model takes the mapping of all columns.
        candidate_column: The one column that `candidate_model` takes, or None, likewise.

    Call arguments:
        inputs: Mapping of column name to tensor with the columns of both towers. Training also
            reads `sample_weight` `[B]` where the mapping has it. A batch of sequences, such as
            `data.sequence_dataset` gives, has the history, the candidate's columns and the weights
            ragged, `[S, (L)]`: each item of the history is a query for the candidate at the same
            place, by `query_model.embed_positions`.
        training: Whether dropout is on.

    Attributes:
        usual_values: The values of hyper-parameters that a search of few trials keeps fixed.
        normalizes: Whether embeddings have unit length, so that scores need a temperature.
        training_options: The arguments of `data.training_dataset` that it needs to be trained as
            it is meant to be.
        reads_sequences: Whether it trains on `data.sequence_dataset`, not on single rows.

    Returns:
        `[B]` float32, the inner product of each row's query and candidate. `query_model` and
        `candidate_model` give the embeddings `[B, D]`.

    A saved file loads where the towers are serializable: a class of your own has `get_config` and
    is registered, as any Keras model that is saved.

    Relations:
        `register_retriever` gives a subclass a name, by which `tuning.RetrievalHyperModel` and
        `recipes.retrieval` build it. `MatrixFactorization` is the special case of two tables.

    Example:
        >>> users = keras.Sequential([keras.layers.IntegerLookup(vocabulary=[1, 2]),
        ...                           keras.layers.Embedding(3, 4)])
        >>> items = keras.Sequential([keras.layers.IntegerLookup(vocabulary=[7, 8, 9]),
        ...                           keras.layers.Embedding(4, 4)])
        >>> model = TwoTower(users, items, item_id="item", query_column="user",
        ...                  candidate_column="item")
        >>> model.compile("adagrad")
        >>> rows = {"user": tf.constant([1, 2], tf.int64), "item": tf.constant([7, 9], tf.int64)}
        >>> history = model.fit(tf.data.Dataset.from_tensors(rows), verbose=0)

    References:
        Yi et al.: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations,
        RecSys 2019.
    """

    usual_values: ClassVar[Mapping[str, Any]] = {"loss": "sampled_softmax"}
    normalizes: ClassVar[bool] = True
    training_options: ClassVar[Mapping[str, Any]] = {}
    reads_sequences: ClassVar[bool] = False

    def __init__(
        self,
        query_model: keras.layers.Layer,
        candidate_model: keras.layers.Layer | None = None,
        task: Retrieval | None = None,
        *,
        item_id: str,
        known_positives: str | None = None,
        query_column: str | None = None,
        candidate_column: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # Raw columns are no activations.
        self.query_model = query_model
        if candidate_model is None:
            candidate_model = _item_model(query_model)
        self.candidate_model = candidate_model
        self.task = Retrieval() if task is None else task
        self.item_id = item_id
        self.known_positives = known_positives
        self.query_column = query_column
        self.candidate_column = candidate_column
        self._build_from_features()

    @classmethod
    def from_features(
        cls,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
        task: Retrieval | None = None,
        *,
        item_counts: tuple[TensorLike, TensorLike] | None = None,
        embedding_dim: int = 64,
        hidden_units: Sequence[int] = (128,),
        activation: Activation = "relu",
        dropout: float = 0.0,
        normalize: bool = True,
        **kwargs: Any,
    ) -> "TwoTower":
        """Builds both towers from columns, and a task with what is recommended for them.

        The task divides by a temperature of 0.1 where embeddings have unit length, leaves
        accidental hits out and takes the mean over the batch of `losses.CorrectedSampledSoftmax`;
        where item counts aren't known, of `losses.SampledSoftmax`, which popular items suffer from.

        Args:
            query_features: Columns of the query tower, with their facts.
            candidate_features: Columns of the candidate tower; the first is the item id.
            task: What is minimised, instead of the task described above.
            item_counts: The item ids and how often each occurs in training, as `data.item_counts`
                gives them; only where `task` is None. For a stream that shifts, give a task with
                `negatives=InBatch(StreamingFrequency(...))` instead.
            embedding_dim: Width of the embedding tables and of the towers' outputs.
            hidden_units: Widths of the hidden layers of both towers.
            activation: Activation of the hidden layers.
            dropout: Share of hidden units that are dropped in training.
            normalize: Whether embeddings have unit length.
            **kwargs: The other arguments of `TwoTower`.

        Example:
            >>> from tfrs_ext.features import Categorical
            >>> user, item = Categorical("user", (1, 2)), Categorical("item", (7, 8, 9))
            >>> counts = [7, 8, 9], [30, 5, 1]
            >>> model = TwoTower.from_features([user], [item], item_counts=counts, embedding_dim=4)
            >>> model.candidate_model({"item": tf.constant([8], tf.int64)}).shape
            TensorShape([1, 4])
        """
        options: Config = {
            "embedding_dim": embedding_dim,
            "hidden_units": hidden_units,
            "activation": activation,
            "dropout": dropout,
            "normalize": normalize,
        }
        kwargs.setdefault("item_id", candidate_features[0].name)
        return cls(
            Tower(query_features, **options, name="query_model"),
            Tower(candidate_features, **options, name="candidate_model"),
            recommended_task(task, item_counts, temperature=0.1 if normalize else None),
            **kwargs,
        )

    @classmethod
    def missing_columns(
        cls, query_features: Sequence[Feature], candidate_features: Sequence[Feature]
    ) -> list[str]:
        """Returns what the model needs and the features lack, each a phrase; nothing by default.

        Args:
            query_features: Columns of queries, with their facts.
            candidate_features: Columns of candidates; the first is the item id.
        """
        return []

    @classmethod
    def search_space(
        cls,
        hp: HyperParameters,
        query_features: Sequence[Feature],
        candidate_features: Sequence[Feature],
    ) -> Config:
        """Registers the widths, the depth and the dropout, and returns them for `from_features`.

        Args:
            hp: The hyper-parameters, of keras-tuner or `tuning.fixed`.
            query_features: Columns of queries, with their facts.
            candidate_features: Columns of candidates; the first is the item id.
        """
        num_layers = hp.Int("num_layers", 0, 3, default=1)
        with hp.conditional_scope("num_layers", [1, 2, 3]):
            units = hp.Choice("hidden_units", [64, 128, 256, 512], default=128)
        return {
            "embedding_dim": hp.Choice("embedding_dim", [16, 32, 64, 128], default=64),
            "hidden_units": (units,) * num_layers,
            "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
        }

    def call(self, inputs: Mapping[str, tf.Tensor], training: bool | None = None) -> tf.Tensor:
        """Returns the score of each row's pair `[B]`."""
        queries, candidates, _ = self._embed_pairs(inputs, training)
        return tf.reduce_sum(queries * candidates, axis=1)

    def embed_queries(
        self, inputs: Mapping[str, tf.Tensor] | tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the query tower's answer to a batch of columns, or to its one column."""
        return _embed(self.query_model, self.query_column, inputs, training)

    def embed_candidates(
        self, inputs: Mapping[str, tf.Tensor] | tf.Tensor, training: bool | None = None
    ) -> tf.Tensor:
        """Returns the candidate tower's answer to a batch of columns, or to its one column."""
        return _embed(self.candidate_model, self.candidate_column, inputs, training)

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the task's loss; metrics over the corpus are computed in evaluation only."""
        if not self.built:
            self(inputs)  # A model that was trained can be saved: Keras notes what it is called on.
        queries, candidates, columns = self._embed_pairs(inputs, training)
        return self.pair_loss(queries, candidates, columns, columns.get("sample_weight"), training)

    def _embed_pairs(
        self, inputs: Mapping[str, tf.Tensor], training: bool | None
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the embeddings of both sides, and the columns of which each row is a pair."""
        columns = as_columns(inputs)
        if not isinstance(columns.get(self.item_id), tf.RaggedTensor):
            queries = self.embed_queries(columns, training=training)
            return queries, self.embed_candidates(columns, training=training), columns
        queries = self._embed_positions(columns, training)
        flat = {name: getattr(column, "flat_values", column) for name, column in columns.items()}
        return queries, self.embed_candidates(flat, training=training), flat

    def _embed_positions(self, columns: dict[str, tf.Tensor], training: bool | None) -> tf.Tensor:
        embed = getattr(self.query_model, "embed_positions", None)
        if embed is None or self.known_positives is not None:
            raise ValueError(
                f"`inputs[{self.item_id!r}]` is ragged, as batches of sequences are, which need a "
                "`query_model` with `embed_positions`, such as `models.SequenceTower`, and no "
                f"`known_positives`; received a {type(self.query_model).__name__} and "
                f"known_positives={self.known_positives!r}."
            )
        return embed(columns, training=training)

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
            queries: `[B, D]`, from `embed_queries`.
            candidates: `[B, D]`, from `embed_candidates`.
            inputs: The columns that they were made of.
            sample_weight: `[B]` or None.
            training: Whether the model trains.
        """
        return self.task(
            queries,
            candidates,
            sample_weight=sample_weight,
            candidate_ids=inputs[self.item_id],
            known_positives=inputs[self.known_positives] if self.known_positives else None,
            compute_metrics=not training,
            candidate_model=self.embed_candidates,
            features=inputs,
            training=training,
        )

    def _build_from_features(self) -> None:
        """Creates the model whole where the towers say what they read.

        Saved files then load, and backups are restored, before a first call.
        """
        towers = (_features_of(self.query_model), _features_of(self.candidate_model))
        if all(towers):
            self(example_inputs([feature for features in towers for feature in features]))

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able."""
        serialize = keras.saving.serialize_keras_object
        towers = {"query_model": serialize(self.query_model), "candidate_model": None}
        if self.candidate_model is not getattr(self.query_model, "item_model", None):
            towers["candidate_model"] = serialize(self.candidate_model)
        for tower in filter(None, towers.values()):
            # Keras would call each tower on numbers; `build_from_config` knows better.
            tower.pop("build_config", None)
        return {
            "name": self.name,
            **towers,
            "task": serialize(self.task),
            "item_id": self.item_id,
            "known_positives": self.known_positives,
            "query_column": self.query_column,
            "candidate_column": self.candidate_column,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "TwoTower":
        """Builds the model that `get_config` described."""
        config = dict(config)
        for part in ("query_model", "candidate_model", "task"):
            if config[part] is None:
                continue  # Candidates are embedded by the query model's own `item_model`.
            config[part] = keras.saving.deserialize_keras_object(
                config[part], custom_objects=custom_objects
            )
        return cls(**config)


def recommended_task(
    task: Retrieval | None,
    item_counts: tuple[TensorLike, TensorLike] | None,
    temperature: float | None = None,
) -> Retrieval:
    """Returns the task that is given, or the softmax over the batch, corrected where it can be.

    Args:
        task: What is minimised, or None.
        item_counts: Item ids and their counts, or None; only where `task` is None.
        temperature: What scores are divided by, where `task` is None.

    Raises:
        ValueError: Both `task` and `item_counts` are given.
    """
    if task is not None:
        if item_counts is not None:
            raise ValueError(
                "`item_counts` must be None where `task` is given, received both: give the counts "
                "to the task, as `negatives=InBatch(CountedFrequency(*item_counts))`."
            )
        return task
    frequency = None if item_counts is None else CountedFrequency(*item_counts)
    return Retrieval(
        SampledSoftmax() if frequency is None else CorrectedSampledSoftmax(),
        temperature=temperature,
        remove_accidental_hits=True,
        negatives=InBatch(frequency),
    )


def _features_of(tower: keras.layers.Layer) -> tuple[Feature, ...]:
    """Returns the columns that a tower says it reads; none where it doesn't."""
    found = getattr(tower, "features", None)
    described = tuple(found) if isinstance(found, Sequence) else ()
    return described if all(isinstance(feature, Feature) for feature in described) else ()


def _embed(
    tower: keras.layers.Layer,
    column: str | None,
    inputs: Mapping[str, tf.Tensor] | tf.Tensor,
    training: bool | None,
) -> tf.Tensor:
    if column is not None and isinstance(inputs, Mapping):
        inputs = inputs[column]
    parameters = inspect.signature(tower.call).parameters.values()
    takes_training = any(p.name == "training" or p.kind == p.VAR_KEYWORD for p in parameters)
    return tower(inputs, training=training) if takes_training else tower(inputs)


def _item_model(query_model: keras.layers.Layer) -> keras.layers.Layer:
    found = getattr(query_model, "item_model", None)
    if found is None:
        raise ValueError(
            "`candidate_model` must be given, since `query_model` has no `item_model`: only towers "
            f"such as `models.SequenceTower` have, received a {type(query_model).__name__}."
        )
    return found
