"""Retrieval and ranking in one model, over shared towers."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import as_columns, example_inputs
from tfrs_ext.models.base import Model, share_of_rows
from tfrs_ext.models.frame_input import FrameInput
from tfrs_ext.models.pair_ranker import PairRanker
from tfrs_ext.models.ranking_model import RankingModel
from tfrs_ext.models.tower import Tower
from tfrs_ext.models.two_tower import TwoTower
from tfrs_ext.ops.replicas import num_replicas
from tfrs_ext.tasks import Ranking

_RETRIEVAL = "retrieval"
_UNCERTAINTY = "uncertainty"


@keras.saving.register_keras_serializable(package="tfrs_ext")
class MultiTask(FrameInput, Model):
    """Two towers that retrieve, and rankers that predict labels, trained together.

    `sum_t w_t loss_t` over "retrieval" and the labels; with weights by uncertainty,
    `sum_t exp(-s_t) loss_t + s_t / 2`, where each `s_t` is learnt.

    Args:
        retriever: The towers and their task.
        rankers: What predicts each label, by the name of the label's column. A `RankingModel`
            reads the raw columns, of both sides if it is given their features (early fusion,
            beside the towers). Any other Keras layer reads both towers' embeddings side by side,
            `[B, 2 D]`, and trains the towers.
        ranking_tasks: The `tasks.Ranking` of each label, binary cross-entropy where left out.
        loss_weights: The weights `w_t` by name, 1 where left out; or "uncertainty".
        sample_weights: The columns that weigh the rows of a task, by name; where left out,
            `"sample_weight"`, if a batch has it. With `{"retrieval": "click"}` the towers take
            clicked rows alone for positives.

    Call arguments:
        inputs: Mapping of column name to tensor, with all columns that a part reads. Training
            also reads the labels `[B]` and the sample weights.
        training: Whether dropout is on.

    Returns:
        Mapping of name to predictions: "retrieval", the inner product of the towers `[B]`, and
        each label, `[B, 1]`. `query_model`, `candidate_model` and `scorer(label)` are models to
        serve.

    Raises:
        ValueError: A name is unknown, metrics share one, or a batch lacks a column.

    The logs of an epoch hold the mean losses: `retrieval_loss`, `<label>_loss`, and `loss`, which
    is their weighted sum. The default loss of `TwoTower(…)` is a sum over the batch, as TFRS's is:
    give its task a loss that is a mean, such as `losses.SampledSoftmax()`, or a small weight.
    `TwoTower.from_features` takes a mean.

    For ranking alone, no towers are needed: `DCN` or `WideDeep` with the features of both sides.

    Example:
        >>> from tfrs_ext.models import TwoTower
        >>> from tfrs_ext.features import Categorical
        >>> user, item = Categorical("user", (1, 2)), Categorical("item", (7, 8))
        >>> towers = TwoTower.from_features([user], [item])
        >>> model = MultiTask(towers, {"click": keras.layers.Dense(1, "sigmoid")})
        >>> model.compile("adagrad")
        >>> rows = {"user": tf.constant([1, 2]), "item": tf.constant([7, 8])}
        >>> dataset = tf.data.Dataset.from_tensors({**rows, "click": tf.constant([0.0, 1.0])})
        >>> sorted(model.fit(dataset, verbose=0).history)
        ['click_loss', 'loss', 'regularization_loss', 'retrieval_loss', 'total_loss']

    References:
        A. Kendall, Y. Gal, R. Cipolla, 2018. Multi-Task Learning Using Uncertainty to Weigh
        Losses for Scene Geometry and Semantics. arXiv:1705.07115.
    """

    def __init__(
        self,
        retriever: TwoTower,
        rankers: Mapping[str, Any],
        ranking_tasks: Mapping[str, Ranking] | None = None,
        loss_weights: Mapping[str, float] | str | None = None,
        sample_weights: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)  # Raw columns are no activations.
        if not isinstance(rankers, Mapping) or not all(map(callable, rankers.values())):
            raise ValueError(
                "`rankers` must map the name of each label to a Keras model or layer, received "
                f"{rankers!r}."
            )
        if not rankers or _RETRIEVAL in rankers:
            raise ValueError(
                f"`rankers` must hold one or more labels other than {_RETRIEVAL!r}, "
                f"received {list(rankers)}."
            )
        self.retriever = retriever
        self.rankers = dict(rankers)
        self.ranking_tasks = {name: Ranking() for name in rankers}
        self.ranking_tasks.update(self._known("ranking_tasks", ranking_tasks, list(rankers)))
        names = [_RETRIEVAL, *rankers]
        self.learns_weights = loss_weights == _UNCERTAINTY
        given = None if self.learns_weights else loss_weights
        self.loss_weights = dict.fromkeys(names, 1.0)
        self.loss_weights.update(self._known("loss_weights", given, names))
        self.sample_weights = self._known("sample_weights", sample_weights, names)
        if self.learns_weights:
            self.log_variances = self.add_weight(
                name="log_variances", shape=(len(names),), initializer="zeros", dtype="float32"
            )
        self._mean_losses.add(*(f"{name}_loss" for name in names))
        self._check_metrics()
        self._build_from_features()

    def _build_from_features(self) -> None:
        """Creates the model whole where the towers say what they read, as `TwoTower` does."""
        towers = [self.query_model, self.candidate_model]
        if not all(isinstance(tower, Tower) for tower in towers):
            return
        readers = [r for r in self.rankers.values() if isinstance(r, RankingModel)]
        self(example_inputs([f for part in (*towers, *readers) for f in part.features]))

    @staticmethod
    def _known(argument: str, given: Any, names: list[str]) -> dict[str, Any]:
        given = {} if given is None else given
        if not isinstance(given, Mapping) or not set(given) <= set(names):
            raise ValueError(f"`{argument}` must map some of {names}, received {given}.")
        return dict(given)

    def _check_metrics(self) -> None:
        names = [metric.name for metric in self.metrics]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"`ranking_tasks` must have metrics of distinct names, received {twice} more than "
                "once: give them a name, as in `keras.metrics.AUC(name='click_auc')`."
            )

    @property
    def query_model(self) -> Any:
        """The tower of queries."""
        return self.retriever.query_model

    @property
    def candidate_model(self) -> Any:
        """The tower of candidates."""
        return self.retriever.candidate_model

    def scorer(self, label: str) -> Any:
        """Returns one ranker as a model from columns to its prediction, sharing the weights.

        `serving.export_ranker` takes it, as `serving.export` takes the towers.

        Args:
            label: One of the names of `rankers`.
        """
        if label not in self.rankers:
            raise ValueError(f"`label` must be one of {list(self.rankers)}, received {label!r}.")
        ranker = self.rankers[label]
        if isinstance(ranker, RankingModel):
            return ranker
        return PairRanker(self.query_model, self.candidate_model, ranker)

    def call(
        self, inputs: Mapping[str, tf.Tensor], training: bool | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns the predictions of all tasks."""
        inputs = as_columns(inputs)
        queries, candidates = self._embed(inputs, training)
        scores = tf.reduce_sum(queries * candidates, axis=1)
        return {_RETRIEVAL: scores, **self._rank(inputs, queries, candidates, training)}

    def _embed(self, inputs: Mapping[str, tf.Tensor], training: Any) -> tuple[tf.Tensor, tf.Tensor]:
        return (
            self.retriever.embed_queries(inputs, training),
            self.retriever.embed_candidates(inputs, training),
        )

    def _rank(
        self,
        inputs: Mapping[str, tf.Tensor],
        queries: tf.Tensor,
        candidates: tf.Tensor,
        training: Any,
    ) -> dict[str, tf.Tensor]:
        both = tf.concat([queries, candidates], axis=1)
        return {
            name: ranker(inputs if isinstance(ranker, RankingModel) else both, training=training)
            for name, ranker in self.rankers.items()
        }

    def compute_loss(self, inputs: Mapping[str, tf.Tensor], training: bool = False) -> tf.Tensor:
        """Returns the weighted sum of the tasks' losses."""
        inputs = as_columns(inputs)
        self._check_columns(inputs)
        if not self.built:
            self(inputs)  # A model that was trained can be saved: Keras notes what it is called on.
        queries, candidates = self._embed(inputs, training)
        weights = {
            name: inputs.get(self.sample_weights.get(name, "sample_weight"))
            for name in self.loss_weights
        }
        losses = {
            _RETRIEVAL: self.retriever.pair_loss(
                queries, candidates, inputs, weights[_RETRIEVAL], training
            )
        }
        for name, predictions in self._rank(inputs, queries, candidates, training).items():
            losses[name] = self.ranking_tasks[name](
                inputs[name], predictions, sample_weight=weights[name], training=training
            )
        rows = share_of_rows(tf.shape(queries)[0])
        for name, loss in losses.items():
            self._mean_losses.update(f"{name}_loss", loss, rows)
        return self._total(losses)

    def _check_columns(self, inputs: Mapping[str, tf.Tensor]) -> None:
        needed = [*self.rankers, *self.sample_weights.values()]
        missing = [name for name in needed if name not in inputs]
        if missing:
            raise ValueError(
                f"`inputs` must hold the labels and weights {missing} in training, "
                f"received columns {sorted(inputs)}."
            )

    def _total(self, losses: Mapping[str, tf.Tensor]) -> tf.Tensor:
        if not self.learns_weights:
            return tf.add_n([self.loss_weights[name] * loss for name, loss in losses.items()])
        scaled = tf.exp(-self.log_variances) * tf.stack(list(losses.values()))
        return tf.reduce_sum(scaled + self.log_variances / (2 * num_replicas()))

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, JSON-able."""
        serialize = keras.layers.serialize
        return {
            "name": self.name,
            "retriever": serialize(self.retriever),
            "rankers": {name: serialize(ranker) for name, ranker in self.rankers.items()},
            "ranking_tasks": {name: serialize(t) for name, t in self.ranking_tasks.items()},
            "loss_weights": _UNCERTAINTY if self.learns_weights else dict(self.loss_weights),
            "sample_weights": dict(self.sample_weights),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "MultiTask":
        """Builds the model that `get_config` described."""

        def load(value: Any) -> Any:
            # Knows Keras's own layers in the format of SavedModels, too.
            return keras.layers.deserialize(value, custom_objects=custom_objects)

        parts = {
            key: {name: load(value) for name, value in config[key].items()}
            for key in ("rankers", "ranking_tasks")
        }
        return cls(**{**config, **parts, "retriever": load(config["retriever"])})
