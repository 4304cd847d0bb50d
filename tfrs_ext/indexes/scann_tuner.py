"""The search for a ScaNN index's settings, on corpora built for it."""

import dataclasses
import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.scann_options import ScannOptions
from tfrs_ext.indexes.scann_tuning import Setting, explore, find_best, time_search, true_positions

Found = tuple[tf.Tensor, tf.Tensor]
Build = Callable[[ScannOptions, Corpus], Corpus]
"""From options and a corpus to a corpus of the same candidates, built so."""
Search = Callable[[Corpus, tf.Tensor, int, tf.Tensor, tf.Tensor], Found]
"""From corpus, queries, k, leaves and reordered candidates to scores and positions."""
Timed = Callable[[tf.Tensor], Found]


@dataclasses.dataclass(frozen=True)
class Trial:
    """How settings are measured.

    Attributes:
        queries: `[Q, D]`.
        at: How many best candidates count.
        recall: The recall to be reached.
        batch_size: Queries to a batch.
        repeats: How often each time is measured.
        on_setting: Called with every setting measured.
    """

    queries: tf.Tensor
    at: int
    recall: float
    batch_size: int
    repeats: int
    on_setting: Callable[[Setting], object]


class ScannTuner:
    """Measures settings on a corpus, and on others built from its candidates.

    What the index searches meanwhile stays as it is.

    Args:
        build: Builds the corpus with other options.
        search: Searches in a corpus.
        trial: How settings are measured.
        corpus: The corpus of the index.
        options: The options of the index.
    """

    def __init__(
        self, build: Build, search: Search, trial: Trial, corpus: Corpus, options: ScannOptions
    ) -> None:
        self._build, self._search, self._trial = build, search, trial
        self.corpus, self.options = corpus, options
        self.measured: list[Setting] = []
        self._true = true_positions(corpus["vectors"].read_value(), trial.queries, trial.at)

    def tune(
        self, num_leaves: Sequence[int] | None, thresholds: Sequence[float | None]
    ) -> ScannOptions:
        """Measures the corpus and the alternatives; `corpus` is the best of them afterwards.

        Args:
            num_leaves: Numbers of leaves to be tried beside the present one, or None.
            thresholds: Thresholds of anisotropic quantisation, to be tried beside the present one.

        Returns:
            The options of the best setting.
        """
        alternatives = _list_alternatives(
            self.options,
            self.corpus.num_candidates,
            self.corpus.width,
            num_leaves,
            thresholds,
        )
        self.measured += self._measure(self.corpus, self.options)
        for name, value in alternatives:
            self._try(dataclasses.replace(self.options, **{name: value}))
        best = find_best(self.measured, self._trial.recall)
        return dataclasses.replace(
            self.options,
            num_leaves=best.num_leaves,
            num_leaves_to_search=best.num_leaves_to_search,
            num_reordering_candidates=best.num_reordering_candidates,
        )

    def _try(self, options: ScannOptions) -> None:
        """Measures the corpus built with other options, and keeps it if it is better."""
        corpus = self._build(options, self.corpus)
        best = find_best(self.measured, self._trial.recall)
        self.measured += self._measure(corpus, options)
        if find_best(self.measured, self._trial.recall) != best:
            self.corpus, self.options = corpus, options
        del corpus
        gc.collect()  # Graphs refer to themselves: the corpus that lost would stay in memory.

    def _measure(self, corpus: Corpus, options: ScannOptions) -> list[Setting]:
        count, at = corpus.num_candidates, self._trial.at

        @tf.function
        def graph(queries: tf.Tensor, leaves: tf.Tensor, reordered: tf.Tensor) -> Found:
            return self._search(corpus, queries, at, leaves, reordered)

        def search(leaves: int, reordered: int) -> tuple[npt.NDArray[np.int32], float]:
            numbers = tf.constant(leaves), tf.constant(reordered)
            return self.time(options, lambda queries: graph(queries, *numbers))

        def describe(setting: Setting) -> Setting:
            return dataclasses.replace(
                setting,
                num_leaves=options.leaves(count),
                anisotropic_quantization_threshold=options.anisotropic_quantization_threshold,
            )

        measured = explore(
            search,
            self._true,
            options.leaves(count),
            count,
            self._trial.recall,
            lambda setting: self._trial.on_setting(describe(setting)),
        )
        return [describe(setting) for setting in measured]

    def time(self, options: ScannOptions, search: Timed) -> tuple[npt.NDArray[np.int32], float]:
        """Returns the positions found and the milliseconds a query.

        Args:
            options: Those of the corpus searched.
            search: From queries to scores and positions.
        """
        trial = self._trial
        return time_search(search, trial.queries, trial.batch_size, trial.repeats)


def _list_alternatives(
    options: ScannOptions,
    count: int,
    width: int,
    num_leaves: Sequence[int] | None,
    thresholds: Sequence[float | None],
) -> list[tuple[str, Any]]:
    """Returns the arguments, each with a value, with which the corpus is to be built again."""
    leaves = options.leaves(count)
    if num_leaves is None:
        num_leaves = (leaves // 2, min(2 * leaves, count)) if leaves > 1 else ()
    if num_leaves and not 1 <= min(num_leaves) <= max(num_leaves) <= count:
        raise ValueError(
            f"`num_leaves` must be between 1 and the number of candidates, {count}, "
            f"received num_leaves={tuple(num_leaves)}."
        )
    name = "anisotropic_quantization_threshold"
    others: list[tuple[str, Any]] = [
        (name, value)
        for value in (thresholds if options.is_quantised(count, width) else ())
        if value != options.anisotropic_quantization_threshold
    ]
    return [("num_leaves", value) for value in num_leaves if value != leaves] + others
