"""A drop-in for `tfrs.metrics.FactorizedTopK` that counts ranks instead of retrieving."""

from collections.abc import Sequence
from typing import Any, Union

import tensorflow as tf
import tensorflow_recommenders as tfrs
from tensorflow_recommenders.layers.factorized_top_k import Streaming, TopK

from tfrs_ext._keras import keras, mark_errors
from tfrs_ext.metrics.candidate_cache import CandidateCache
from tfrs_ext.metrics.median_rank import MedianRank
from tfrs_ext.ops.id_positions import (
    id_lists,
    positions_of_copies,
    positions_of_ids,
    positions_without,
)
from tfrs_ext.ops.rank_checks import check_ks, check_ties
from tfrs_ext.ops.rank_counts import count_at_least, tie_bounds
from tfrs_ext.ops.rank_metrics import AT_K, first_rank, hit_rate
from tfrs_ext.ops.tie_groups import group_ties
from tfrs_ext.ops.tied_ranks import Ranks, rank_in_lists, rank_positions
from tfrs_ext.typing import Config, TensorLike

Corpus = Union[tf.data.Dataset, TopK]
_MEDIAN = "median_rank"


@keras.saving.register_keras_serializable(package="tfrs_ext")
class FactorizedTopK(tfrs.metrics.Factorized):
    """How often the true candidate is among the k best of the whole corpus.

    `top_k = mean of 1[candidates above the positive < k]`, exact. Same arguments, calls and names
    of results as `tfrs.metrics.FactorizedTopK`, with these differences: candidates of the same
    score count against the positive; a dataset of candidates is embedded once in an evaluation
    and again when weights change, not once a batch; k may be larger than the corpus.

    Args:
        candidates: A `tf.data.Dataset` of batches of embeddings `[B, D]`, or of (ids, embeddings),
            typically `items.batch(1024).map(model)`; or a TFRS `TopK` layer. An exact layer is
            counted through; others are asked for their best.
        ks: The cut-offs, the lengths of list at which metrics are computed.
        name: What the names of the results begin with.
        ties: Whether candidates of the positive's score stand above it (`"pessimistic"`), below it
            (`"optimistic"`, as in TFRS), or count by their chance (`"expected"`).
        metrics: Further metrics: any of recall, precision, ndcg, map and mrr, which appear as
            `factorized_top_k/ndcg_at_10`, and median_rank, the median rank of a query's best
            positive: exact up to 10,000, to 0.1% above.

    Call arguments (`update_state`):
        query_embeddings: `[B, D]` floating point.
        true_candidate_embeddings: `[B, D]` floating point; read only where there are no ids.
        true_candidate_ids: `[B]`, or `[B, (P)]` ragged or dense for several positives of a query,
            matched by value with the candidates' ids, or with their positions where they have
            none. What isn't found counts as missed, so pad by repeating an id. Of several
            candidates with the id the first is the positive, and the others don't compete.
            `tasks.Retrieval` gives ids only where `has_candidate_ids`, and positives are matched by
            score else.
        sample_weight: `[B]` or `[B, 1]`, the weights of the queries; None is 1.
        seen_ids: `[B, (S)]` ragged or dense: the candidates that don't compete, matched as the
            positives are; ids that no candidate has are padding. A positive competes all the
            same.

    Returns:
        `result()` is a list of scalars, first the top-k accuracies.

    Raises:
        ValueError: Where an approximate index is used without ids, ids are of another type, or
            `seen_ids` come without ids of positives or with candidates that can't be counted.

    Relations:
        `evaluation.evaluate_retrieval` for saved embeddings and intervals;
        `callbacks.RetrievalEvaluation` for early stopping on a sample.

    Candidates are data, which no file of a model holds: give the task of a loaded model a metric
    anew. Without ids the positive may be missing from the corpus; one candidate of exactly its
    score is then taken for the positive itself.

    Example:
        >>> items = tf.data.Dataset.from_tensor_slices(tf.eye(3)).batch(2)
        >>> metric = FactorizedTopK(items, ks=[1, 2], metrics=["mrr"])
        >>> _ = metric.update_state(tf.constant([[1.0, 2.0, 3.0]]), tf.constant([[0.0, 1.0, 0.0]]))
        >>> {m.name: float(m.result()) for m in metric.metrics}["factorized_top_k/mrr_at_2"]
        0.5
    """

    def __init__(
        self,
        candidates: Corpus | None = None,
        ks: Sequence[int] = (1, 5, 10, 50, 100),
        name: str = "factorized_top_k",
        ties: str = "pessimistic",
        metrics: Sequence[str] = (),
    ) -> None:
        super().__init__(name=name)
        known = [*AT_K, _MEDIAN]
        unknown = [metric for metric in metrics if metric not in known]
        if unknown:
            raise ValueError(f"`metrics` must be among {', '.join(known)}, received {unknown}.")
        if not isinstance(candidates, (tf.data.Dataset, TopK, type(None))):
            raise ValueError(
                "`candidates` must be a tf.data.Dataset of batches or an index, such as "
                f"`indexes.Exact().index(embeddings, ids)`, received {type(candidates).__name__}."
            )
        self._ks, self._ties, self._names = check_ks(ks), check_ties(ties), tuple(metrics)
        self._top_k_metrics = [
            keras.metrics.Mean(name=f"{name}/top_{k}_categorical_accuracy") for k in self._ks
        ]
        self._further_metrics = [
            keras.metrics.Mean(name=f"{name}/{metric}_at_{k}")
            for metric in self._names
            if metric != _MEDIAN
            for k in self._ks
        ]
        self._median = MedianRank(f"{name}/{_MEDIAN}") if _MEDIAN in self._names else None
        # A dataset may not become an attribute: Keras would track it, and a SavedModel can't hold
        # one that reads variables.
        if isinstance(candidates, Streaming) and _ranks_by_dot_product(candidates):
            candidates = candidates._candidates
        is_dataset = isinstance(candidates, tf.data.Dataset)
        self._cache = CandidateCache(candidates) if is_dataset else None
        self._index: Any = None if is_dataset else candidates

    @property
    def candidates(self) -> Corpus | None:
        """What positives are ranked among."""
        return self._index if self._cache is None else self._cache.dataset

    @mark_errors
    def update_state(
        self,
        query_embeddings: TensorLike,
        true_candidate_embeddings: TensorLike,
        true_candidate_ids: TensorLike | None = None,
        sample_weight: TensorLike | None = None,
        seen_ids: TensorLike | None = None,
    ) -> tf.Operation:
        """Counts the ranks of a batch; returns the update for graphs without eager execution."""
        queries, positives = (
            tf.stop_gradient(tf.cast(tf.convert_to_tensor(embeddings), tf.float32))
            for embeddings in (query_embeddings, true_candidate_embeddings)
        )
        count = tf.shape(queries)[0]
        ids = None if true_candidate_ids is None else id_lists(true_candidate_ids, count)
        seen = None if seen_ids is None else id_lists(seen_ids, count)
        ranks = self._rank(queries, positives[:count], ids, seen)
        groups = group_ties(ranks, count, self._ties)
        metrics = [hit_rate, *(AT_K[name] for name in self._names if name != _MEDIAN)]
        found = tf.concat([metric(groups, self._ks) for metric in metrics], axis=1)
        values = tf.unstack(found, num=len(metrics) * len(self._ks), axis=1)
        trackers = [*self._top_k_metrics, *self._further_metrics]
        if self._median is not None:
            trackers, values = [*trackers, self._median], [*values, first_rank(groups)]
        return tf.group(
            [m.update_state(v, sample_weight) for m, v in zip(trackers, values, strict=True)]
        )

    def _rank(
        self,
        queries: tf.Tensor,
        positives: tf.Tensor,
        ids: tf.RaggedTensor | None,
        seen: tf.RaggedTensor | None,
    ) -> Ranks:
        corpus = self._corpus()
        if seen is not None and (ids is None or corpus is None):
            raise ValueError(
                "`seen_ids` need `true_candidate_ids`, and `candidates` that are a dataset or an "
                f"exact index, received {self._index}: `evaluate_rankings` takes lists that "
                "lack seen items."
            )
        if corpus is None and ids is None:
            return self._rank_by_retrieved_scores(queries, positives)
        if corpus is None:
            return self._rank_by_retrieved_ids(queries, ids)
        if ids is None:
            return self._rank_by_scores(queries, positives, corpus[0])
        return self._rank_by_ids(queries, ids, seen, *corpus)

    def _corpus(self) -> tuple[tf.Tensor, tf.Tensor | None] | None:
        """Returns embeddings and ids (or None) of all candidates, or None where they're unknown."""
        if self._cache is not None:
            return self._cache.read(tf.equal(self._top_k_metrics[0].count, 0))
        index = self._index
        if index is None:
            raise ValueError("`candidates` must be given before the metric is updated.")
        if not index.is_exact() or index.query_model is not None:
            return None
        if not _ranks_by_dot_product(index):
            return None
        # The names in `indexes.Exact` and in TFRS's BruteForce.
        stored = getattr(index, "candidates", getattr(index, "_candidates", None))
        if stored is None:
            return None
        # Read once: `tf.cast` leaves a float32 variable as it is, and each block would read it.
        stored = tf.convert_to_tensor(stored)
        ids = getattr(index, "identifiers", getattr(index, "_identifiers", None))
        return tf.cast(stored, tf.float32), ids

    def _rank_by_ids(
        self,
        queries: tf.Tensor,
        ids: tf.RaggedTensor,
        seen: tf.RaggedTensor | None,
        candidates: tf.Tensor,
        candidate_ids: tf.Tensor | None,
    ) -> Ranks:
        size = tf.shape(candidates)[0]
        has_unique_ids = candidate_ids is None or _has_unique_ids(self._index)
        candidate_ids = tf.range(size) if candidate_ids is None else candidate_ids
        candidate_ids = tf.convert_to_tensor(candidate_ids)
        wanted = ids.with_values(positions_of_ids(ids.values, candidate_ids))
        excluded = None if has_unique_ids else positions_of_copies(ids, candidate_ids)
        if seen is not None:
            seen = positions_of_copies(seen, candidate_ids)
            excluded = seen if excluded is None else tf.concat([excluded, seen], axis=1)
        if excluded is not None:
            excluded = positions_without(excluded, wanted, size)
        return rank_positions(queries, candidates, wanted, excluded, self._ties)

    def _rank_by_scores(
        self, queries: tf.Tensor, positives: tf.Tensor, candidates: tf.Tensor
    ) -> Ranks:
        lower, upper = tie_bounds(queries, positives)
        if self._ties == "optimistic":
            return _ranks(count_at_least(queries, candidates, upper))
        not_below = count_at_least(queries, candidates, lower)
        if self._ties == "expected":
            above = count_at_least(queries, candidates, upper)
            return _ranks(above, tf.maximum(not_below - above, 1))
        # One of those that aren't below may be the positive itself, which is no rival. A second
        # count tells, for the few queries where one candidate more or less changes a metric.
        undecided = tf.reshape(tf.where(self._depends_on_one(not_below)), [-1])
        above = count_at_least(
            tf.gather(queries, undecided), candidates, tf.gather(upper, undecided)
        )
        itself = tf.cast(tf.gather(not_below, undecided) > above, tf.int32)
        return _ranks(tf.tensor_scatter_nd_sub(not_below, undecided[:, tf.newaxis], itself))

    def _depends_on_one(self, count: tf.Tensor) -> tf.Tensor:
        """Returns where a candidate more or less above the positive changes a metric `[B]`."""
        if self._median is not None:
            return tf.ones_like(count, tf.bool)
        if self._further_metrics:
            return count <= max(self._ks) + 1
        return tf.reduce_any(tf.equal(count[:, tf.newaxis], self._ks), axis=1)

    def _rank_by_retrieved_scores(self, queries: tf.Tensor, positives: tf.Tensor) -> Ranks:
        if not self._index.is_exact() or not _ranks_by_dot_product(self._index):
            raise ValueError(
                "`true_candidate_ids` must be given where `candidates` is an approximate index or "
                "ranks by another score than the dot product, and such an index must be built with "
                "ids, `index(embeddings, ids)`, so that a task gives them; received None with "
                f"{self._index}."
            )
        scores, _ = self._index(queries, k=max(self._ks))
        lower, upper = (bound[:, tf.newaxis] for bound in tie_bounds(queries, positives))
        not_below, above = (
            tf.reduce_sum(tf.cast(tf.logical_not(scores < bound), tf.int32), axis=1)
            for bound in (lower, upper)
        )
        ties = tf.maximum(not_below - above, 1)
        if self._ties == "pessimistic":
            return _ranks(above + ties - 1)
        return _ranks(above, ties if self._ties == "expected" else None)

    def _rank_by_retrieved_ids(self, queries: tf.Tensor, ids: tf.RaggedTensor) -> Ranks:
        scores, retrieved = self._index(queries, k=max(self._ks))
        # ScaNN pads with the first candidate and a score of NaN.
        return rank_in_lists(retrieved, ids, tf.logical_not(tf.math.is_nan(scores)))

    def get_config(self) -> Config:
        """Returns the arguments but the candidates, which are data."""
        return {
            "ks": list(self._ks),
            "name": self.name,
            "ties": self._ties,
            "metrics": list(self._names),
        }


def _ranks_by_dot_product(index: TopK) -> bool:
    return type(index)._compute_score is TopK._compute_score


def _has_unique_ids(index: TopK | None) -> bool:
    """Returns whether an index knows that no two of its candidates have the same id."""
    return bool(getattr(index, "has_unique_ids", False))


def _ranks(above: tf.Tensor, size: tf.Tensor | None = None) -> Ranks:
    size = tf.ones_like(above) if size is None else size
    return Ranks(tf.range(tf.shape(above)[0]), above, size)
