"""The approximate index for large corpora."""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes._results import PADDING_ROW, gather_rows, padding_score
from tfrs_ext.indexes._scann_searcher import OP_LIBRARY, ScannSearcher, scann_ops
from tfrs_ext.indexes.index import Index
from tfrs_ext.indexes.scann_tuning import Setting, best_of, explore, frontier, timed, true_rows

# Below these sizes a partition, or a quantisation, costs recall and saves next to nothing.
_PARTITIONED_FROM, _QUANTISED_FROM = 50_000, 256
_SHARE_SEARCHED, _REORDERED_PER_RESULT = 0.1, 2
# Of k-means: with 100 a leaf, up to 1.8 times as many leaves had to be searched.
_TRAINED_ON_PER_LEAF, _TRAINED_ON = 400, 100_000
# Anisotropic centres: 4 gained one to two points of recall at equal work, over 1, 2.5 and 8.
_AVQ = 4.0


def _cores() -> int:
    """Returns how many cores this process may use; of more than 16 a batch keeps too few rows."""
    return min(len(os.sched_getaffinity(0)), 16)


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
        num_leaves: Number of leaves of the partition.
        num_leaves_to_search: Number of leaves that a query searches; more where k needs them.
        training_iterations: Of k-means, for the partition.
        dimensions_per_block: Dimensions that share one code of four bits: 1 needs far fewer
            candidates reordered for the same recall, 2 (TFRS's default) half the memory for codes.
        num_reordering_candidates: How many candidates are scored exactly in the end; at least k.
        anisotropic_quantization_threshold: T of anisotropic quantisation; None for plain.
        parallelize_batch_searches: Whether a graph shares the queries of a batch among as many
            threads as there are cores where it is traced (16 at most). ScaNN's operation does so
            by itself for batches of more than 256 queries, and only for those.
        name: Name of the layer.

    Call arguments:
        queries: `[B, D]` finite floating point, or what `query_model` takes.
        k: Python int or int32 scalar tensor; the result has `min(k, C)` columns.

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

    def __init__(
        self,
        query_model: Any = None,
        k: int = 10,
        num_leaves: int | None = None,
        num_leaves_to_search: int | None = None,
        training_iterations: int = 12,
        dimensions_per_block: int = 1,
        num_reordering_candidates: int | None = None,
        anisotropic_quantization_threshold: float | None = 0.2,
        parallelize_batch_searches: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(query_model=query_model, k=k, name=name, **kwargs)
        scann_ops()  # A missing library is an error now, not at the first query.
        for argument in (num_leaves, num_leaves_to_search, num_reordering_candidates):
            if argument is not None and argument < 1:
                raise ValueError(
                    "`num_leaves`, `num_leaves_to_search` and `num_reordering_candidates` must "
                    f"be positive, received {num_leaves}, {num_leaves_to_search} and "
                    f"{num_reordering_candidates}."
                )
        self.num_leaves = num_leaves
        self.num_leaves_to_search = num_leaves_to_search
        self.training_iterations = training_iterations
        self.dimensions_per_block = dimensions_per_block
        self.num_reordering_candidates = num_reordering_candidates
        self.anisotropic_quantization_threshold = anisotropic_quantization_threshold
        self.parallelize_batch_searches = parallelize_batch_searches
        self._searcher: ScannSearcher | None = None
        self._frontier: tuple[Setting, ...] = ()

    @classmethod
    def op_library(cls) -> str:
        """Returns the library of ScaNN's operations."""
        return OP_LIBRARY

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], num_candidates: int, k: int = 10
    ) -> "ScaNN":
        """Returns an index, still without a corpus, that searches as an earlier one did."""
        leaves = min(settings["num_leaves"], num_candidates)
        return super().from_settings({**settings, "num_leaves": leaves}, num_candidates, k)

    def _build(self, candidates: tf.Tensor) -> None:
        count = int(candidates.shape[0])
        if self.num_leaves is not None and self.num_leaves > count:
            raise ValueError(
                f"`num_leaves` must be at most the number of candidates, {count}, received "
                f"num_leaves={self.num_leaves}; None suits the size of the corpus."
            )
        searcher = ScannSearcher.build(candidates, lambda builder: self._configured(builder, count))
        self._replace_searcher(searcher)

    def _configured(self, builder: Any, count: int) -> Any:
        if self._leaves(count) > 1:
            builder = builder.tree(
                self._leaves(count),
                self._leaves_searched(count),
                training_iterations=self.training_iterations,
                training_sample_size=max(_TRAINED_ON, _TRAINED_ON_PER_LEAF * self._leaves(count)),
                quantize_centroids=True,
                avq=_AVQ,
            )
        if count < _QUANTISED_FROM:
            return builder.score_brute_force()
        threshold = self.anisotropic_quantization_threshold
        return builder.score_ah(
            self.dimensions_per_block,
            anisotropic_quantization_threshold=float("nan") if threshold is None else threshold,
        ).reorder(self._reordered(self._k))

    def _replace_searcher(self, searcher: ScannSearcher) -> None:
        if self._searcher is not None:
            self._searcher.release()
        self._searcher = searcher

    def _leaves(self, count: int) -> int:
        if self.num_leaves is not None:
            return self.num_leaves
        return 1 if count < _PARTITIONED_FROM else round(12 * count ** (1 / 3))

    def _leaves_searched(self, count: int) -> int:
        searched = self.num_leaves_to_search or math.ceil(_SHARE_SEARCHED * self._leaves(count))
        return min(searched, self._leaves(count))

    def _reordered(self, k: Any) -> Any:
        if self.num_reordering_candidates is None:
            return _REORDERED_PER_RESULT * k
        if tf.is_tensor(k):
            return tf.maximum(k, self.num_reordering_candidates)
        return max(k, self.num_reordering_candidates)

    def _search(self, embeddings: tf.Tensor, k: Any) -> tuple[tf.Tensor, tf.Tensor]:
        leaves = self._leaves_searched(self.num_candidates)
        return self._searched(embeddings, k, leaves, self._reordered(tf.maximum(k, 1)))

    def _searched(
        self, embeddings: tf.Tensor, k: Any, leaves: Any, reordered: Any
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns scores and rows `[B, k]` after a search of so many leaves and candidates."""
        count = self.num_candidates
        asked = tf.maximum(k, 1)
        # Twice the leaves that k candidates fill on average, since leaves differ in size.
        needed = -(-2 * asked * self._leaves(count) // count)
        rows, scores = self._state.search(
            embeddings,
            asked,
            tf.minimum(tf.maximum(reordered, asked), count),
            tf.minimum(tf.maximum(needed, leaves), self._leaves(count)),
            _cores() if self.parallelize_batch_searches else 1,
        )
        scores, rows = scores[:, :k], tf.cast(rows[:, :k], tf.int32)
        fake = tf.math.is_nan(scores)
        rows = tf.where(fake, PADDING_ROW, rows)
        scores = tf.where(fake, padding_score(), scores)
        columns = None if tf.is_tensor(k) else k
        return tf.ensure_shape(scores, [None, columns]), tf.ensure_shape(rows, [None, columns])

    def _tensors(self) -> dict[str, Any]:
        return self._state.tensors()

    def _restore(self, tensors: dict[str, tf.Tensor]) -> None:
        self._replace_searcher(ScannSearcher(tensors))

    def tune(
        self,
        queries: Any,
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
            thresholds: Of anisotropic quantisation, to be tried beside the present one, with the
                best number of leaves; None is plain quantisation.
            batch_size: Queries to a batch.
            repeats: Of each time measurement.
            on_setting: Called with every setting measured.

        Returns:
            The settings measured that no other beats in both recall and time, as records, by
            rising recall; kept in `frontier`.
        """
        embeddings = self._checked_queries(queries)
        at = self._columns(at)
        if not 0 < recall <= 1:
            raise ValueError(f"`recall` must be in (0, 1], received recall={recall}.")
        alternatives = self._alternatives(num_leaves, thresholds)
        true = true_rows(self._state.vectors.read_value(), embeddings, at)

        def measure() -> list[Setting]:
            return self._measured(embeddings, true, recall, batch_size, repeats, on_setting)

        measured = measure()
        for name, value in alternatives:
            measured += self._tried(name, value, measure, best_of(measured, recall), recall)
        best = best_of(measured, recall)
        self.num_leaves = best.num_leaves
        self.num_leaves_to_search = best.num_leaves_to_search
        self.num_reordering_candidates = best.num_reordering_candidates
        self._frontier = tuple(frontier(measured))
        self.predict_function = None
        return self.frontier

    def _alternatives(
        self, num_leaves: Sequence[int] | None, thresholds: Sequence[float | None]
    ) -> list[tuple[str, Any]]:
        """Returns the arguments, each with a value, with which the index is to be built again."""
        count = self.num_candidates
        leaves = self._leaves(count)
        if num_leaves is None:
            num_leaves = (leaves // 2, min(2 * leaves, count)) if leaves > 1 else ()
        if num_leaves and not 1 <= min(num_leaves) <= max(num_leaves) <= count:
            raise ValueError(
                f"`num_leaves` must be between 1 and the number of candidates, {count}, "
                f"received num_leaves={tuple(num_leaves)}."
            )
        if count < _QUANTISED_FROM:
            thresholds = ()
        present = self.anisotropic_quantization_threshold
        return [("num_leaves", value) for value in num_leaves if value != leaves] + [
            ("anisotropic_quantization_threshold", value)
            for value in thresholds
            if value != present
        ]

    def _tried(
        self,
        name: str,
        value: Any,
        measure: Callable[[], list[Setting]],
        best: Setting,
        recall: float,
    ) -> list[Setting]:
        """Measures the index built with one argument changed, and keeps it so if it is better."""
        kept, before = self._state, getattr(self, name)
        self._searcher = None  # Out of sight of `_build`, which would free it.
        setattr(self, name, value)
        better = False
        try:
            self._build(kept.vectors.read_value())
            measured = measure()
            better = best_of([best, *measured], recall) != best
        finally:
            if better:
                kept.release()
            else:
                self._replace_searcher(kept)
                setattr(self, name, before)
        return measured

    def _measured(
        self,
        embeddings: tf.Tensor,
        true: Any,
        recall: float,
        batch_size: int,
        repeats: int,
        on_setting: Callable[[Setting], object],
    ) -> list[Setting]:
        """Returns the settings measured on the searcher that is."""
        count, at = self.num_candidates, true.shape[1]

        @tf.function
        def graph(
            queries: tf.Tensor, leaves: tf.Tensor, reordered: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            return self._searched(queries, at, leaves, reordered)

        def search(leaves: int, reordered: int) -> tuple[Any, float]:
            numbers = tf.constant(leaves), tf.constant(reordered)
            return timed(lambda part: graph(part, *numbers), embeddings, batch_size, repeats)

        def tell(setting: Setting) -> Setting:
            return dataclasses.replace(
                setting,
                num_leaves=self._leaves(count),
                anisotropic_quantization_threshold=self.anisotropic_quantization_threshold,
            )

        measured = explore(
            search, true, self._leaves(count), count, recall, lambda s: on_setting(tell(s))
        )
        return [tell(setting) for setting in measured]

    @property
    def frontier(self) -> list[dict[str, Any]]:
        """What `tune` measured: settings that no other beats in both recall and time."""
        return [dataclasses.asdict(setting) for setting in self._frontier]

    @property
    def _state(self) -> ScannSearcher:
        if self._searcher is None:
            raise ValueError("`index` must be called before the index can be used.")
        return self._searcher

    @property
    def _width(self) -> int:
        return int(self._state.vectors.shape[1])

    def embeddings(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings `[..., D]` of candidates by row number; row -1 gives zeros."""
        return gather_rows(self._state.vectors, rows, padding=0.0)

    def is_exact(self) -> bool:
        """Whether every result is the true one: no."""
        return False

    def settings(self) -> dict[str, Any]:
        """Returns what matters about how the index searches, JSON-able."""
        count = self.num_candidates
        return {
            "num_leaves": self._leaves(count),
            "num_leaves_to_search": self._leaves_searched(count),
            "num_reordering_candidates": int(self._reordered(self._k)),
            "anisotropic_quantization_threshold": self.anisotropic_quantization_threshold,
        }

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "num_leaves": self.num_leaves,
            "num_leaves_to_search": self.num_leaves_to_search,
            "training_iterations": self.training_iterations,
            "dimensions_per_block": self.dimensions_per_block,
            "num_reordering_candidates": self.num_reordering_candidates,
            "anisotropic_quantization_threshold": self.anisotropic_quantization_threshold,
            "parallelize_batch_searches": self.parallelize_batch_searches,
        }
