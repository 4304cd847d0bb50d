"""A drop-in for `tfrs.tasks.Retrieval` that takes every loss and source of negatives here."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs
from tensorflow_recommenders.layers.factorized_top_k import Streaming

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses import RetrievalLoss, SampledSoftmax
from tfrs_ext.metrics import has_candidate_ids
from tfrs_ext.negatives import Batch, InBatch, Pool, Source
from tfrs_ext.ops.checks import check_same_rows, is_probability
from tfrs_ext.ops.replicas import count_all_rows
from tfrs_ext.ops.spans import size
from tfrs_ext.ops.tracing import as_users_wrote
from tfrs_ext.tasks.labelled_scores import labelled_scores
from tfrs_ext.typing import Columns, Config, Embedder, TensorLike

_Metrics = Sequence[keras.layers.Layer]
_TFRS = SampledSoftmax("logq_if_known", reduction=keras.losses.Reduction.SUM)  # TFRS's default.
_MEANS = (keras.losses.Reduction.AUTO, keras.losses.Reduction.SUM_OVER_BATCH_SIZE)


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Retrieval(tfrs.tasks.Retrieval):
    """Trains towers to rank each query's candidate above the others.

    Takes the arguments of `tfrs.tasks.Retrieval`, gives the same values, and never holds the
    matrix of scores unless a batch metric, hard negatives, several vectors a query or a loss from
    elsewhere need it. Probabilities are not clipped at 1e-6, masks are exact in every dtype, and
    extra negatives go together with `candidate_ids` and factorized metrics.

    Args:
        loss: A `losses.RetrievalLoss`, or any Keras loss of one-hot labels and logits `[B, C]`.
            None is TFRS's: the softmax over the batch, summed, corrected by logQ where
            `candidate_sampling_probability` or the source of negatives gives it.
        metrics: One or several `metrics.FactorizedTopK`, ours or TFRS's. They stay out of saved
            models, as their candidates are data, and so do the next two: give the task of a loaded
            model its metrics anew.
        batch_metrics: Keras metrics of the labels and logits `[B, C]`.
        loss_metrics: Keras metrics of the loss.
        temperature: What scores are divided by: a positive number, or a layer that gives the
            reciprocal when called (`layers.Temperature`: fixed, scheduled or learnable).
        num_hard_negatives: How many of the highest-scored negatives of each query count.
        remove_accidental_hits: Whether candidates with the id of a query's positive are left out
            of its negatives; needs `candidate_ids`. None leaves them out where the loss holds only
            without them, and where `negatives` is given; otherwise they stay, as in TFRS.
        negatives: A source of negatives (`tfrs_ext.negatives`), which is asked for every batch;
            None is `InBatch()`, the batch itself.
        name: Name of the layer.

    Call arguments:
        query_embeddings: `[B, D]` floating point, or `[B, H, D]` for several vectors a query,
            whose best counts.
        candidate_embeddings: `[C, D]`, C >= B; row i < B is the positive of query i, the others
            are extra negatives.
        sample_weight: `[B]` or `[B, 1]`, or None.
        candidate_sampling_probability: `[C]` in (0, 1]: the probability that one draw of a
            negative gives the candidate. Any constant factor cancels in `SampledSoftmax`; in
            `CorrectedSampledSoftmax` it doesn't. Sources that know their own don't need it.
        candidate_ids: `[C]` integers, strings or floating point.
        compute_metrics: Whether the metrics over the corpus are updated.
        compute_batch_metrics: Whether the batch metrics are updated.
        score_mask: `[B, N]` boolean, False where a row of the pool is not a negative of a query;
            the pool is `[C]` unless `negatives` is given.
        known_positives: `[B, P]` ids of other items that each query's user is known to like, such
            as the history, padded with -1 or `""`: they are no negatives of the query. This holds
            a boolean `[B, N]` for N negatives.
        candidate_model: The candidate tower, for sources that embed the items that they draw.
        features: The batch's raw columns, for sources that read negatives from them.
        training: Whether sources, frequencies and schedules of the temperature move on.

    Returns:
        The loss, a float32 scalar; `[B]` where the loss's reduction is `none`.

    Raises:
        ValueError: Where `temperature` isn't positive, or ids or probabilities that the loss or the
            source needs aren't given.
        InvalidArgumentError: Where a probability isn't in (0, 1].

    Relations:
        `models.TwoTower` calls it with what it has. `tasks.Ranking` predicts labels.

    Example:
        >>> task = Retrieval(temperature=0.1, remove_accidental_hits=True)
        >>> queries = candidates = tf.eye(3)
        >>> round(float(task(queries, candidates, candidate_ids=tf.constant([1, 2, 2]))), 4)
        0.0002

    References:
        Yi et al.: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations,
        RecSys 2019. Khrylchenko et al.: Correcting the LogQ Correction, RecSys 2025.
    """

    def __init__(
        self,
        loss: keras.losses.Loss | None = None,
        metrics: keras.layers.Layer | _Metrics | None = None,
        batch_metrics: _Metrics | None = None,
        loss_metrics: _Metrics | None = None,
        temperature: TensorLike | keras.layers.Layer | None = None,
        num_hard_negatives: int | None = None,
        remove_accidental_hits: bool | None = None,
        negatives: Source | None = None,
        name: str | None = None,
    ) -> None:
        loss = _TFRS if loss is None else loss
        _check_kind("loss", loss, keras.losses.Loss, "`losses.SampledSoftmax()`")
        _check_kind("negatives", negatives, (Source, type(None)), "`negatives.InBatch()`")
        for metric in tf.nest.flatten([metrics or [], batch_metrics or [], loss_metrics or []]):
            _check_kind("metrics", metric, keras.layers.Layer, "`metrics.FactorizedTopK(items)`")
        if num_hard_negatives is not None and num_hard_negatives < 1:
            raise ValueError(
                "`num_hard_negatives` must be at least 1, or None for all, received "
                f"num_hard_negatives={num_hard_negatives}."
            )
        super().__init__(
            loss=loss,
            metrics=[] if metrics is None else metrics,
            batch_metrics=list(batch_metrics or []),
            loss_metrics=list(loss_metrics or []),
            temperature=_check_temperature(temperature),
            num_hard_negatives=num_hard_negatives,
            remove_accidental_hits=remove_accidental_hits,
            name=name,
        )
        # In mixed precision Keras would round the queries to float16, and the candidates not.
        self._autocast = False
        # As `Model.compile` does: a mean over the replica's rows is a share of the whole mean.
        loss._allow_sum_over_batch_size = True
        self._negatives = InBatch() if negatives is None else negatives
        self._has_source = negatives is not None
        _keep_datasets_apart(self._factorized_metrics)
        self._computes = (True, True)  # The metrics over the corpus and those of the batch.

    @property
    def negatives(self) -> Source:
        """The source of negatives."""
        return self._negatives

    @property
    def factorized_metrics(self) -> _Metrics:
        """The metrics over the corpus."""
        return self._factorized_metrics

    @factorized_metrics.setter
    def factorized_metrics(self, value: keras.layers.Layer | _Metrics | None) -> None:
        if value is None:
            value = []
        self._factorized_metrics = value if isinstance(value, Sequence) else [value]
        _keep_datasets_apart(self._factorized_metrics)

    @property
    def idle_metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that the latest call didn't update, which have nothing to report."""
        corpus = [part for metric in self._factorized_metrics for part in metric.metrics]
        parts = zip(self._computes, (corpus, self._batch_metrics), strict=True)
        idle = [metric for computed, found in parts if not computed for metric in found]
        own = {id(metric) for metric in (*self._batch_metrics, *self._loss_metrics)}
        # Keras brings metrics back from a folder that are no longer the task's.
        return idle + [metric for metric in self._metrics if id(metric) not in own]

    @property
    def removes_accidental_hits(self) -> bool:
        """Whether candidates with the id of a query's positive are no negatives of the query."""
        if self._remove_accidental_hits is not None:
            return bool(self._remove_accidental_hits)
        return self._has_source or getattr(self._loss, "removes_accidental_hits", False)

    def call(
        self,
        query_embeddings: TensorLike,
        candidate_embeddings: TensorLike,
        sample_weight: TensorLike | None = None,
        candidate_sampling_probability: TensorLike | None = None,
        candidate_ids: TensorLike | None = None,
        compute_metrics: bool = True,
        compute_batch_metrics: bool = True,
        score_mask: TensorLike | None = None,
        known_positives: TensorLike | None = None,
        candidate_model: Embedder | None = None,
        features: Columns | None = None,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Returns the loss and updates the metrics."""
        if sample_weight is not None:
            sample_weight = tf.reshape(sample_weight, [-1])  # Keras makes columns of Series.
        batch = Batch(
            queries=tf.convert_to_tensor(query_embeddings),
            candidates=self._candidates(
                candidate_embeddings, candidate_ids, candidate_sampling_probability, known_positives
            ),
            scale=self._scale(training),
            known_positives=_as_tensor(known_positives),
            candidate_model=candidate_model,
            features=features,
            training=training,
            compares_queries=getattr(self._loss, "compares_queries", False),
        )
        _check_widths(batch.queries, batch.candidates.embeddings)
        pool = as_users_wrote(self._negatives.draw)(batch)
        _check_shared(self._loss, pool)
        mask = _mask(batch, pool, score_mask)
        if not self.removes_accidental_hits:
            pool = pool.by_position()
        compute_metrics = compute_metrics and batch.queries.shape.rank == 2
        self._computes = (compute_metrics, compute_batch_metrics)
        loss, updates = self._compute_loss(batch, pool, mask, sample_weight)
        updates += [metric.update_state(loss) for metric in self._loss_metrics]
        if compute_metrics:
            updates += self._update_corpus_metrics(batch, candidate_ids, sample_weight)
        with tf.control_dependencies([update for update in updates if update is not None]):
            return tf.identity(loss)

    def _compute_loss(
        self, batch: Batch, pool: Pool, mask: tf.Tensor | None, sample_weight: tf.Tensor | None
    ) -> tuple[tf.Tensor, list[tf.Operation | None]]:
        """Returns the loss, and the updates of the batch metrics where they are computed."""
        is_ours = isinstance(self._loss, RetrievalLoss)
        metrics = self._batch_metrics if self._computes[1] else []
        updates = []
        if metrics or not is_ours:
            correct = self._loss.correct if is_ours else _TFRS.correct
            scored = labelled_scores(correct, batch, pool, mask, self._num_hard_negatives)
            updates = [metric.update_state(*scored, sample_weight) for metric in metrics]
        if not is_ours:
            loss = self._loss(*scored, sample_weight=sample_weight)
            if self._loss.reduction in _MEANS:
                rows = tf.cast(batch.size, loss.dtype)
                # A share of the mean, as `RetrievalLoss.reduce` gives it.
                loss *= rows / tf.maximum(tf.cast(count_all_rows(rows), loss.dtype), 1)
            return loss, updates
        rows = self._loss.per_query(
            batch.queries,
            pool.positives,
            pool.negatives,
            scale=batch.scale,
            mask=mask,
            sample_weight=sample_weight,
            num_hard_negatives=self._num_hard_negatives,
            all_queries=pool.queries,
        )
        return self._loss.reduce(rows), updates

    def _update_corpus_metrics(
        self, batch: Batch, ids: TensorLike | None, sample_weight: TensorLike | None
    ) -> list[tf.Operation | None]:
        embeddings, known = batch.positives.embeddings, batch.positives.ids
        return [
            metric.update_state(
                batch.queries,
                embeddings,
                # Candidates without ids would be known by position: they are matched by score.
                true_candidate_ids=None if ids is None or not has_candidate_ids(metric) else known,
                sample_weight=sample_weight,
            )
            for metric in self._factorized_metrics
        ]

    def _candidates(
        self,
        embeddings: TensorLike,
        ids: TensorLike | None,
        probability: TensorLike | None,
        known_positives: TensorLike | None,
    ) -> Candidates:
        embeddings = tf.convert_to_tensor(embeddings)
        if ids is None:
            if self.removes_accidental_hits or self._has_source or known_positives is not None:
                raise ValueError(
                    "`candidate_ids` must be given where accidental hits are removed (as "
                    f"{self._loss.name!r} or `remove_accidental_hits` may ask for), and where "
                    "`negatives` or `known_positives` is set, received None."
                )
            ids = tf.range(size(embeddings))  # Without ids each row is an item of its own.
        ids = tf.reshape(tf.convert_to_tensor(ids), [-1])
        rows = "for each row of `candidate_embeddings`"
        check_same_rows(ids, embeddings, f"`candidate_ids` must hold an id {rows}")
        if probability is None:
            return Candidates(embeddings, ids)
        probability = tf.cast(tf.reshape(probability, [-1]), tf.float32)
        check_same_rows(
            probability, embeddings, f"`candidate_sampling_probability` must hold a number {rows}"
        )
        message = "`candidate_sampling_probability` must be above 0 and at most 1, received:"
        with tf.control_dependencies([is_probability(probability, message)]):
            return Candidates(embeddings, ids, tf.math.log(probability))

    def _scale(self, training: bool | None) -> tf.Tensor | None:
        if self._temperature is None:
            return None
        if callable(self._temperature):
            return self._temperature(training=training)
        if isinstance(self._temperature, float):
            return tf.constant(1.0 / self._temperature)  # Known to be positive: nothing to assert.
        return 1.0 / tf.cast(self._temperature, tf.float32)

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able; metrics hold data and are left out."""
        serialize = keras.saving.serialize_keras_object
        temperature = self._temperature
        if isinstance(temperature, keras.layers.Layer):
            temperature = serialize(temperature)
        elif temperature is not None:
            temperature = float(temperature)
        return {
            "loss": serialize(self._loss),
            "temperature": temperature,
            "num_hard_negatives": self._num_hard_negatives,
            "remove_accidental_hits": self._remove_accidental_hits,
            "negatives": serialize(self._negatives) if self._has_source else None,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "Retrieval":
        """Builds the task that `get_config` described."""
        config = dict(config)
        for part in ("loss", "temperature", "negatives"):
            if isinstance(config[part], dict):
                config[part] = keras.saving.deserialize_keras_object(
                    config[part], custom_objects=custom_objects
                )
        return cls(**config)


def _check_widths(queries: tf.Tensor, candidates: tf.Tensor) -> None:
    if queries.shape.rank and not queries.shape[-1:].is_compatible_with(candidates.shape[-1:]):
        raise ValueError(
            "`candidate_embeddings` must be as wide as `query_embeddings`, received shapes "
            f"{candidates.shape} and {queries.shape}."
        )


def _check_kind(name: str, value: object, kinds: type | tuple[type, ...], example: str) -> None:
    if isinstance(value, str) or not isinstance(value, kinds):
        raise ValueError(f"`{name}` must be such as {example}, received {value!r}.")


def _check_temperature(
    temperature: TensorLike | keras.layers.Layer | None,
) -> TensorLike | keras.layers.Layer | None:
    is_number = temperature is not None and not callable(temperature)
    if is_number and not tf.is_tensor(temperature) and not isinstance(temperature, tf.Variable):
        try:
            temperature = float(np.asarray(temperature))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`temperature` must be a positive number or a layer, received {temperature!r}."
            ) from error
        if not temperature > 0:
            raise ValueError(f"`temperature` must be positive, received {temperature}.")
    return temperature


def _keep_datasets_apart(metrics: _Metrics) -> None:
    """Leaves layers that read a dataset of candidates out of SavedModels, which can't hold them.

    Their weights become the metric's own, so that a model's weights stay what they are with TFRS.
    """
    for metric in metrics:
        tracked = metric._self_tracked_trackables
        for name, layer in vars(metric).items():
            if isinstance(layer, Streaming) and any(layer is other for other in tracked):
                tracked[:] = [other for other in tracked if other is not layer]
                metric._delete_tracking(name)
                metric._non_trainable_weights.extend(layer._non_trainable_weights)


def _as_tensor(value: TensorLike | None) -> tf.Tensor | None:
    return None if value is None else tf.convert_to_tensor(value)


def _check_shared(loss: keras.losses.Loss, pool: Pool) -> None:
    if pool.mask is not None and getattr(loss, "counts_the_pool", False):
        raise ValueError(
            f"`negatives` must give rows that all queries share for {type(loss).__name__}, which "
            "counts them, received a source of rows for each query, such as PerQuery. Take "
            '`losses.SampledSoftmax("logq")`.'
        )


def _mask(batch: Batch, pool: Pool, score_mask: TensorLike | None) -> tf.Tensor | None:
    masks = [_as_tensor(score_mask), pool.mask, batch.are_unknown(pool.negatives)]
    given = [mask for mask in masks if mask is not None]
    return functools.reduce(tf.logical_and, given) if given else None
