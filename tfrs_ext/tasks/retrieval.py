"""A drop-in for `tfrs.tasks.Retrieval` that takes every loss and source of negatives here."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.losses import CorrectedSampledSoftmax, RetrievalLoss, SampledSoftmax
from tfrs_ext.negatives import Source
from tfrs_ext.ops.known_positives import not_known
from tfrs_ext.ops.scores import masked_scores, pairwise_scores


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
            `candidate_sampling_probability` is given.
        metrics: One or several `metrics.FactorizedTopK`, ours or TFRS's.
        batch_metrics: Keras metrics of the labels and logits `[B, C]` in the batch.
        loss_metrics: Keras metrics of the loss.
        temperature: What scores are divided by: a positive number, or a layer that gives the
            reciprocal when called (`layers.Temperature`: fixed, scheduled or learnable).
        num_hard_negatives: How many of the highest-scored negatives of each query count.
        remove_accidental_hits: Whether candidates with the id of a query's positive are left out
            of its negatives; needs `candidate_ids`.
        negatives: A source of negatives (`tfrs_ext.negatives`), which gets the batch's candidates
            and answers with the pool; None is the batch itself.
        name: Name of the layer.

    Call arguments:
        query_embeddings: `[B, D]` floating point, or `[B, H, D]` for several vectors a query,
            whose best counts.
        candidate_embeddings: `[C, D]`, C >= B; row i < B is the positive of query i, the others
            are extra negatives.
        sample_weight: `[B]` or None.
        candidate_sampling_probability: `[C]` in (0, 1]: the probability that one draw of a
            negative gives the candidate. Any constant factor cancels in `SampledSoftmax`; in
            `CorrectedSampledSoftmax` it doesn't.
        candidate_ids: `[C]` int32, int64 or string.
        compute_metrics: Whether the metrics over the corpus are updated.
        compute_batch_metrics: Whether the batch metrics are updated.
        score_mask: `[B, C]` boolean, False where a candidate is not a negative of a query.
        known_positives: `[B, P]` ids of other items that each query's user is known to like, such
            as the history, padded with -1 or `""`: they are no negatives of the query. This holds
            a boolean `[B, N]` for N negatives.
        candidate_model: The candidate tower, for sources that embed the items that they draw.
        features: The batch's raw columns, for sources that read negatives from them.
        training: Whether sources, frequencies and schedules of the temperature move on.

    Returns:
        The loss, a float32 scalar.

    Raises:
        ValueError: Where `temperature` isn't positive, ids or probabilities that the loss or the
            source needs aren't given, or `num_hard_negatives` meets a source of negatives.

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
        loss: Any = None,
        metrics: Any = None,
        batch_metrics: Sequence[Any] | None = None,
        loss_metrics: Sequence[Any] | None = None,
        temperature: Any = None,
        num_hard_negatives: int | None = None,
        remove_accidental_hits: bool = False,
        negatives: Any = None,
        name: str | None = None,
    ) -> None:
        if isinstance(temperature, (int, float)) and not temperature > 0:
            raise ValueError(f"`temperature` must be positive, received {temperature}")
        if negatives is not None and num_hard_negatives is not None:
            raise ValueError(
                "`num_hard_negatives` must be None where `negatives` is given, received "
                f"{num_hard_negatives}: use `tfrs_ext.negatives.Hard`"
            )
        if loss is None:
            loss = SampledSoftmax(correction="logq", reduction=keras.losses.Reduction.SUM)
        super().__init__(
            loss=loss,
            metrics=[] if metrics is None else metrics,
            batch_metrics=list(batch_metrics or []),
            loss_metrics=list(loss_metrics or []),
            temperature=temperature,
            num_hard_negatives=num_hard_negatives,
            remove_accidental_hits=remove_accidental_hits,
            name=name,
        )
        self._negatives = negatives

    @property
    def negatives(self) -> Source | None:
        """The source of negatives."""
        return self._negatives

    @property
    def _needs_probability(self) -> bool:
        return isinstance(self._loss, CorrectedSampledSoftmax)

    @property
    def factorized_metrics(self) -> Sequence[Any]:
        """The metrics over the corpus."""
        return self._factorized_metrics

    @factorized_metrics.setter
    def factorized_metrics(self, value: Any) -> None:
        if value is None:
            value = []
        self._factorized_metrics = value if isinstance(value, Sequence) else [value]

    def call(
        self,
        query_embeddings: tf.Tensor,
        candidate_embeddings: tf.Tensor,
        sample_weight: tf.Tensor | None = None,
        candidate_sampling_probability: tf.Tensor | None = None,
        candidate_ids: tf.Tensor | None = None,
        compute_metrics: bool = True,
        compute_batch_metrics: bool = True,
        score_mask: tf.Tensor | None = None,
        known_positives: tf.Tensor | None = None,
        candidate_model: Any = None,
        features: Any = None,
        training: bool | None = None,
    ) -> tf.Tensor:
        """Returns the loss and updates the metrics."""
        needs_ids = self._remove_accidental_hits or self._negatives is not None
        if candidate_ids is None and (needs_ids or known_positives is not None):
            raise ValueError(
                "`candidate_ids` must be given where `remove_accidental_hits`, `negatives` or "
                "`known_positives` is set"
            )
        batch = self._candidates(
            candidate_embeddings, candidate_sampling_probability, candidate_ids
        )
        is_single_vector = query_embeddings.shape.rank == 2
        needs_scores = not isinstance(self._loss, RetrievalLoss) or not is_single_vector
        needs_scores |= self._num_hard_negatives is not None
        scale = self._scale(training)
        updates = []
        if needs_scores or (compute_batch_metrics and self._batch_metrics):
            mask = _without(known_positives, candidate_ids, score_mask)
            labels, scores = self._labels_and_scores(query_embeddings, batch, scale, mask)
            if compute_batch_metrics:
                for metric in self._batch_metrics:
                    updates.append(metric.update_state(labels, scores, sample_weight=sample_weight))
        if needs_scores:
            loss = self._loss(y_true=labels, y_pred=scores, sample_weight=sample_weight)
        else:
            positives, negatives = self._positives_and_negatives(
                query_embeddings, batch, candidate_model, features, training
            )
            per_query = self._loss.per_query(
                query_embeddings,
                positives,
                negatives,
                scale=scale,
                mask=_without(
                    known_positives, self._pool_ids(negatives, candidate_ids), score_mask
                ),
                sample_weight=sample_weight,
            )
            loss = _reduce(per_query, self._loss.reduction)
        updates += [metric.update_state(loss) for metric in self._loss_metrics]
        if compute_metrics and is_single_vector:
            updates += self._update_corpus_metrics(
                query_embeddings, candidate_embeddings, candidate_ids, sample_weight
            )
        with tf.control_dependencies([update for update in updates if update is not None]):
            return tf.identity(loss)

    def _update_corpus_metrics(
        self,
        queries: tf.Tensor,
        candidates: tf.Tensor,
        ids: tf.Tensor | None,
        sample_weight: tf.Tensor | None,
    ) -> list[Any]:
        rows = tf.shape(queries)[0]  # What lies beyond are extra negatives.
        positives = {
            "true_candidate_embeddings": candidates[:rows],
            "true_candidate_ids": None if ids is None else ids[:rows],
        }
        return [
            metric.update_state(queries, **positives, sample_weight=sample_weight)
            for metric in self._factorized_metrics
        ]

    def _candidates(self, embeddings: tf.Tensor, probability: Any, ids: Any) -> Candidates:
        if probability is None and self._negatives is None and self._needs_probability:
            raise ValueError(
                "`candidate_sampling_probability` must be given, or `negatives` that know theirs, "
                f"because the loss is {type(self._loss).__name__}"
            )
        rows = tf.shape(embeddings)[0]
        if ids is None or not (self._remove_accidental_hits or self._negatives is not None):
            # Positions as ids: every other row is a negative, whatever its item.
            ids = tf.range(rows)
        if probability is None:
            log_q = tf.zeros([rows])
        else:
            log_q = tf.math.log(tf.cast(tf.reshape(probability, [-1]), tf.float32))
        return Candidates(embeddings, tf.reshape(ids, [-1]), log_q)

    def _pool_ids(self, negatives: Candidates, candidate_ids: tf.Tensor | None) -> Any:
        # Where hits may stay, the batch's own candidates go by their positions.
        return candidate_ids if self._negatives is None else negatives.ids

    def _scale(self, training: bool | None) -> tf.Tensor | None:
        if self._temperature is None:
            return None
        if isinstance(self._temperature, (int, float)):
            return tf.constant(1.0 / self._temperature)
        return self._temperature(training=training)

    def _labels_and_scores(
        self,
        queries: tf.Tensor,
        batch: Candidates,
        scale: tf.Tensor | None,
        mask: tf.Tensor | None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        scores = pairwise_scores(queries, batch.embeddings)
        if scale is not None:
            scores *= scale
        scores = masked_scores(self._corrected(scores, batch), batch.ids, mask)
        labels = tf.eye(tf.shape(scores)[0], tf.shape(scores)[1])
        if self._num_hard_negatives is not None:
            mine = tfrs.layers.loss.HardNegativeMining(self._num_hard_negatives)
            scores, labels = mine(scores, labels)
        return labels, scores

    def _corrected(self, scores: tf.Tensor, batch: Candidates) -> tf.Tensor:
        if not isinstance(self._loss, RetrievalLoss):
            return scores - batch.log_q
        # As the loss does it without a matrix: it may treat the positive otherwise.
        positives = Candidates(*(part[: tf.shape(scores)[0]] for part in batch))
        positive, bias = self._loss.correct(tf.linalg.diag_part(scores), positives, batch)
        return tf.linalg.set_diag(scores if bias is None else scores + bias, positive)

    def _positives_and_negatives(
        self,
        queries: tf.Tensor,
        batch: Candidates,
        candidate_model: Any,
        features: Any,
        training: bool | None,
    ) -> tuple[Candidates, Candidates]:
        positives = Candidates(*(part[: tf.shape(queries)[0]] for part in batch))
        if self._negatives is None:
            return positives, batch
        negatives = self._negatives(
            batch,
            candidate_model=candidate_model,
            training=training,
            query_embeddings=queries,
            features=features,
        )
        # After the call: a mixture weighs its sources by the pool that it has just drawn.
        return positives._replace(log_q=self._negatives.log_q(positives)), negatives

    def get_config(self) -> dict[str, Any]:
        """Returns the configuration, JSON-able; metrics hold data and are left out."""
        serialize = keras.saving.serialize_keras_object
        is_number = self._temperature is None or isinstance(self._temperature, (int, float))
        return {
            "loss": serialize(self._loss),
            "temperature": self._temperature if is_number else serialize(self._temperature),
            "num_hard_negatives": self._num_hard_negatives,
            "remove_accidental_hits": self._remove_accidental_hits,
            "negatives": None if self._negatives is None else serialize(self._negatives),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Retrieval":
        """Builds the task that `get_config` described."""
        config = dict(config)
        for part in ("loss", "temperature", "negatives"):
            if isinstance(config[part], dict):
                config[part] = keras.saving.deserialize_keras_object(config[part])
        return cls(**config)


def _without(known: tf.Tensor | None, ids: Any, mask: tf.Tensor | None) -> tf.Tensor | None:
    if known is None:
        return mask
    ids = tf.reshape(tf.convert_to_tensor(ids), [-1])
    free = not_known(ids, tf.cast(known, ids.dtype))
    return free if mask is None else tf.logical_and(mask, free)


def _reduce(per_query: tf.Tensor, reduction: str) -> tf.Tensor:
    total = tf.reduce_sum(per_query)
    if reduction == keras.losses.Reduction.SUM:
        return total
    # Optimizers sum gradients over replicas, so a mean is a share of the global mean.
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    rows = tf.maximum(tf.size(per_query), 1) * replicas
    return total / tf.cast(rows, total.dtype)
