"""The approximate index for large corpora."""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from tensorflow_recommenders.layers.factorized_top_k import TopK

from tfrs_ext._keras import keras
from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.corpus_layer import QueryModel
from tfrs_ext.indexes.index import Found, Index
from tfrs_ext.indexes.query_checks import check_k, check_queries
from tfrs_ext.indexes.scann_operations import (
    OP_LIBRARY,
    build_searcher,
    scann_ops,
    search,
    search_until_filled,
)
from tfrs_ext.indexes.scann_options import ScannOptions, leaves_needed
from tfrs_ext.indexes.scann_tuner import ScannTuner, Trial
from tfrs_ext.indexes.scann_tuning import Setting, find_frontier
from tfrs_ext.ops.positions import NO_POSITION, gather_or_pad, no_score
from tfrs_ext.typing import Config, TensorLike

# Numbers between these need no scaling.
_LEAST, _MOST = 2.0**-20, 2.0**20


@keras.saving.register_keras_serializable(package="tfrs_ext")
class ScaNN(Index):
    """Finds most of the k candidates of largest dot product, many times sooner than all of them.

    Candidates are partitioned by k-means; a query scores the quantised candidates of the nearest
    leaves, and the best of those once more exactly. Arguments left at None follow the size C of
    the corpus: `12 C^(1/3)` leaves (one below 50,000 candidates), a tenth of them searched, and
    2 k candidates reordered. `tune` finds the settings that a recall needs.

    Unlike `tfrs.layers.factorized_top_k.ScaNN`: k isn't limited by the reordering, the library's
    fake results are masked, any corpus from one candidate on works, indexing again replaces the
    corpus and frees the old one, `.keras` files and SavedModels with several indexes work.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        distance_measure: `"dot_product"`, the only one; TFRS has the argument in this place.
        num_leaves: Number of leaves of the partition.
        num_leaves_to_search: Number of leaves that a query searches; more where k needs them.
        training_iterations: Iterations of k-means, for the partition.
        dimensions_per_block: Dimensions that share one code of four bits: 1 needs far fewer
            candidates reordered for the same recall, 2 (TFRS's default) half the memory for codes.
        num_reordering_candidates: How many candidates are scored exactly in the end; at least k.
        parallelize_batch_searches: Whether a graph shares the queries of a batch among as many
            threads as there are cores where it is traced (16 at most). ScaNN's operation does so
            by itself for batches of more than 256 queries, and only for those.
        name: Name of the layer.
        anisotropic_quantization_threshold: T of anisotropic quantisation; None for plain.

    Call arguments:
        queries: What `Index` takes: embeddings, or the query model's input.
        k: The number of results, at least 1.

    Returns:
        scores `[B, min(k, C)]` float32, true dot products, and ids of the same shape, best first.

    Raises:
        ImportError: Where the scann package is missing.

    Relations:
        `Exact` is right below about 20,000 candidates and wherever the server is a stock
        TensorFlow Serving; an export of `ScaNN` needs ScaNN's operations there.

    Example:
        >>> vectors = tf.random.normal([300, 8])
        >>> index = ScaNN(k=5).index(vectors)
        >>> scores, ids = index(vectors[:2])
        >>> ids.shape
        TensorShape([2, 5])

    References:
        Guo et al.: Accelerating Large-Scale Inference with Anisotropic Vector Quantization,
        ICML 2020, arXiv 1908.10396.
    """

    kind = "scann"
    op_namespaces = ("Scann",)
    device = "CPU"

    def __init__(
        self,
        query_model: QueryModel | None = None,
        k: int = 10,
        distance_measure: str = "dot_product",
        num_leaves: int | None = None,
        num_leaves_to_search: int | None = None,
        training_iterations: int = 12,
        dimensions_per_block: int = 1,
        num_reordering_candidates: int | None = None,
        parallelize_batch_searches: bool = True,
        name: str | None = None,
        anisotropic_quantization_threshold: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(query_model, k, name, **kwargs)
        scann_ops()  # A missing library is an error now, not at the first query.
        if (
            distance_measure != "dot_product"
            or type(self)._compute_score is not TopK._compute_score
        ):
            raise ValueError(
                "`distance_measure` must be 'dot_product', and `_compute_score` TFRS's own, "
                f"received {distance_measure!r} and {type(self).__name__}: an `Exact` with another "
                "`_compute_score` ranks by any score."
            )
        self.distance_measure = distance_measure
        self.num_leaves = num_leaves
        self.num_leaves_to_search = num_leaves_to_search
        self.training_iterations = training_iterations
        self.dimensions_per_block = dimensions_per_block
        self.num_reordering_candidates = num_reordering_candidates
        self.anisotropic_quantization_threshold = anisotropic_quantization_threshold
        self.parallelize_batch_searches = parallelize_batch_searches
        self._frontier: tuple[Setting, ...] = ()
        self._options.check()

    @property
    def _options(self) -> ScannOptions:
        return ScannOptions(
            self.num_leaves,
            self.num_leaves_to_search,
            self.training_iterations,
            self.dimensions_per_block,
            self.num_reordering_candidates,
            self.anisotropic_quantization_threshold,
        )

    def op_library(self) -> str:
        """Returns the library of ScaNN's operations."""
        return OP_LIBRARY

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], num_candidates: int, k: int = 10
    ) -> "ScaNN":
        """Returns an index, still without a corpus, that searches as an earlier one did."""
        leaves = settings["num_leaves"]
        leaves = None if leaves is None else min(leaves, num_candidates)
        return super().from_settings({**settings, "num_leaves": leaves}, num_candidates, k)

    def _build(self, candidates: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return self._build_with(self._options, candidates)

    def _rebuild(self, options: ScannOptions, corpus: Corpus) -> Corpus:
        candidates = self._embeddings(corpus, tf.range(corpus.num_candidates))
        return corpus.rebuild(self._build_with(options, candidates), self.device)

    def _build_with(self, options: ScannOptions, candidates: tf.Tensor) -> Mapping[str, tf.Tensor]:
        count, width = candidates.shape
        options.check_corpus(count, width)
        scale = _usual_scale(candidates)
        tensors = build_searcher(
            candidates if scale == 1 else candidates / scale,
            lambda builder: options.configure(builder, count, width, self._k),
        )
        facts = {"scale": tf.constant(scale), "num_leaves": tf.constant(options.leaves(count))}
        return {**tensors, **facts}

    def _search(self, corpus: Corpus, embeddings: tf.Tensor, k: int | tf.Tensor) -> Found:
        leaves = self._options.leaves_searched(corpus.num_candidates)
        return self._search_with(corpus, embeddings, k, leaves, self._options.reordered(k))

    def _search_with(
        self,
        corpus: Corpus,
        embeddings: tf.Tensor,
        k: int | tf.Tensor,
        leaves: int | tf.Tensor,
        reordered: int | tf.Tensor,
    ) -> Found:
        """Returns the k best of so many leaves and exact scores, and of more where k needs it."""
        count, all_leaves = corpus.num_candidates, int(corpus.number("num_leaves"))
        needed = leaves_needed(k, all_leaves, count)
        exact = _clip(reordered, k, count)
        cores = _count_cores() if self.parallelize_batch_searches else 1
        positions, scores = search_until_filled(
            lambda leaves: search(corpus, embeddings, k, exact, leaves, cores),
            _clip(leaves, needed, all_leaves),
            all_leaves,
        )
        fake = tf.math.is_nan(scores)
        positions = tf.where(fake, NO_POSITION, tf.cast(positions, tf.int32))
        scale = corpus.number("scale")
        scores = tf.where(fake, no_score(), scores if scale == 1 else scores * scale)
        if tf.executing_eagerly():
            return scores, positions
        columns = k if isinstance(k, int) else None
        return tf.ensure_shape(scores, [None, columns]), tf.ensure_shape(positions, [None, columns])

    def _embeddings(self, corpus: Corpus, positions: tf.Tensor) -> tf.Tensor:
        return gather_or_pad(corpus["vectors"], positions, padding=0.0) * corpus.number("scale")

    def tune(
        self,
        queries: TensorLike,
        recall: float = 0.95,
        at: int | None = None,
        *,
        num_leaves: Sequence[int] | None = None,
        thresholds: Sequence[float | None] = (None,),
        batch_size: int = 64,
        repeats: int = 3,
        on_setting: Callable[[Setting], object] = lambda setting: None,
    ) -> list[dict[str, Any]]:
        """Finds the fastest setting that reaches a recall, and searches with it from now on.

        Measures `num_leaves_to_search` and `num_reordering_candidates`, neither of which needs
        the index built again, then the `num_leaves` and the `thresholds`, each of which does.
        Where no setting reaches the recall, takes the best there is.

        Args:
            queries: `[Q, D]` embeddings of queries like those to come; a few hundred.
            recall: Mean share of the `at` true best candidates to be found.
            at: How many best candidates count; by default k.
            num_leaves: Numbers of leaves to be tried beside the present one; by default half and
                twice as many, or none where the present one is 1. Two indexes are in memory
                meanwhile.
            thresholds: Thresholds of anisotropic quantisation, to be tried beside the present one,
                with the best number of leaves; None is plain quantisation.
            batch_size: Queries to a batch.
            repeats: How often each time is measured.
            on_setting: Called with every setting measured.

        Returns:
            The settings measured that no other beats in both recall and time, as records, by
            rising recall; kept in `frontier`.

        Raises:
            ValueError: Where an argument doesn't fit.
        """
        corpus = self._corpus
        embeddings = check_queries(queries, corpus.width, corpus.largest_query)
        columns = check_k(self._k if at is None else at, corpus.num_candidates)
        if not 0 < recall <= 1:
            raise ValueError(f"`recall` must be in (0, 1], received recall={recall}.")
        trial = Trial(embeddings, int(columns), recall, batch_size, repeats, on_setting)
        tuner = ScannTuner(self._rebuild, self._search_with, trial, corpus, self._options)
        options = tuner.tune(num_leaves, thresholds)
        self._replace_corpus(tuner.corpus)
        self.num_leaves = options.num_leaves
        self.num_leaves_to_search = options.num_leaves_to_search
        self.num_reordering_candidates = options.num_reordering_candidates
        self.anisotropic_quantization_threshold = options.anisotropic_quantization_threshold
        self._frontier = tuple(find_frontier(tuner.measured))
        return self.frontier

    @property
    def frontier(self) -> list[dict[str, Any]]:
        """What `tune` measured: settings that no other beats in both recall and time."""
        return [dataclasses.asdict(setting) for setting in self._frontier]

    def is_exact(self) -> bool:
        """Returns whether every result is the true one: no."""
        return False

    def settings(self) -> Config:
        """Returns what matters about how the index searches, JSON-able."""
        options, count = self._options, self.num_candidates
        return {
            **dataclasses.asdict(options),
            "num_leaves": options.leaves(count),
            "num_leaves_to_search": options.leaves_searched(count),
            "num_reordering_candidates": max(self._k, int(options.reordered(self._k))),
        }

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "distance_measure": self.distance_measure,
            **dataclasses.asdict(self._options),
            "parallelize_batch_searches": self.parallelize_batch_searches,
        }


def _count_cores() -> int:
    """Returns how many cores this process may use; of more than 16 a batch keeps too few rows."""
    return min(len(os.sched_getaffinity(0)), 16)


def _clip(value: int | tf.Tensor, least: int | tf.Tensor, most: int) -> int | tf.Tensor:
    if isinstance(value, int) and isinstance(least, int):
        return min(max(value, least), most)
    return tf.minimum(tf.maximum(value, least), most)


def _usual_scale(candidates: tf.Tensor) -> float:
    """Returns the power of two to divide by where numbers are so large that ScaNN's sums overflow.

    A power of two, since divided and multiplied by it numbers stay what they were.
    """
    largest = float(tf.reduce_max(tf.abs(candidates)))
    if _LEAST <= largest <= _MOST or largest == 0:
        return 1.0
    return 2.0 ** math.frexp(largest)[1]
