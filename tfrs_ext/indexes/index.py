"""What every index shares: its kind, how it is built, and how it is asked."""

import abc
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import tensorflow as tf

from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.corpus_checks import (
    Duplicates,
    check_candidates,
    check_identifiers,
    settle_duplicates,
)
from tfrs_ext.indexes.corpus_file import read_corpus
from tfrs_ext.indexes.corpus_layer import CorpusLayer, Queries
from tfrs_ext.indexes.query_checks import as_batch, check_exclusions, check_k, check_queries
from tfrs_ext.ops.grouped_top_k import smaller
from tfrs_ext.ops.positions import gather_or_pad, is_in, keep_first
from tfrs_ext.typing import Config, TensorLike

if TYPE_CHECKING:
    from typing_extensions import Self

Found = tuple[tf.Tensor, tf.Tensor]
"""Scores and ids, or scores and positions, each `[B, k]`."""


class Index(CorpusLayer, abc.ABC):
    """A corpus of candidates that answers with the k of largest dot product with a query.

    A drop-in for the layers in `tfrs.layers.factorized_top_k`. Results have `min(k, C)` columns,
    best first. A place for which no candidate is left (after exclusions, or because an
    approximate search found too few) holds the id -1 (`""` where ids are strings, NaN where they
    are floats) and the lowest finite float32 as score; such places are always the last of their
    row.

    A subclass implements `_build`, `_search` and `_embeddings`. One that gives itself a `kind` is
    registered under it: `build_index`, exports and the recipes know it from then on.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        name: Name of the layer.

    Call arguments:
        queries: `[B, D]` numbers, finite and so small that no score overflows, or what
            `query_model` takes. One query `[D]` gets one answer `[k]`.
        k: Python int or scalar tensor of whole numbers, at least 1.

    Returns:
        scores `[B, min(k, C)]` float32 and ids of the same shape.

    Raises:
        ValueError: Where queries or k don't fit; in a graph, and so on a server, an
            `InvalidArgumentError` with the same words.
    """

    kind: ClassVar[str] = ""
    """What `build_index` and manifests call such an index; "" for a class that isn't complete."""
    has_exact_scores: ClassVar[bool] = True
    """Whether scores are the true ones of the candidates returned."""
    is_exportable: ClassVar[bool] = True
    """Whether its search is a graph that a server can run; a `tf.py_function` isn't."""
    always_fills: ClassVar[bool] = False
    """Whether a search of k <= C candidates finds k of them for every query."""
    op_namespaces: ClassVar[tuple[str, ...]] = ()
    """The namespaces of custom operations in its graph, such as `"Scann"` of `Scann>…`."""
    classes: ClassVar[dict[str, type["Index"]]] = {}
    """The classes by kind; read it through `index_kinds` and `index_class`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Registers a subclass under its kind."""
        super().__init_subclass__(**kwargs)
        if "kind" not in vars(cls) or not cls.kind:
            return
        other = Index.classes.setdefault(cls.kind, cls)
        # A class that is defined again, as in a notebook, takes the place of the earlier one.
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(
                f"`kind` must differ from all other kinds of index, received kind={cls.kind!r} of "
                f"{cls.__qualname__}, which {other.__qualname__} has."
            )
        Index.classes[cls.kind] = cls

    def op_library(self) -> str | None:
        """Returns the library of the custom operations in its graph, None where there are none.

        Returns:
            A package and a file in it, `"package/folder/file.so"`: the same on every machine.
        """
        return None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], num_candidates: int, k: int = 10) -> "Self":
        """Returns an index, still without a corpus, that searches as an earlier one did.

        Args:
            settings: What `settings()` of the earlier index gave; a manifest holds it. By default
                what the constructor takes is used, and the rest is left.
            num_candidates: C of the corpus to come.
            k: Number of results where a call gives none.
        """
        taken = set(cls(k=k).get_config()) - {"k", "name", "query_model"}
        return cls(k=k, **{name: settings[name] for name in taken & set(settings)})

    @abc.abstractmethod
    def _build(self, candidates: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Returns the tensors, by name, that searches in `candidates` `[C, D]` need."""

    @abc.abstractmethod
    def _search(self, corpus: Corpus, embeddings: tf.Tensor, k: int | tf.Tensor) -> Found:
        """Returns scores and positions `[B, k]`; 1 <= k <= C. `corpus[name]` is what was built."""

    @abc.abstractmethod
    def _embeddings(self, corpus: Corpus, positions: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings `[..., D]` at positions; position -1 gives zeros."""

    def index(
        self,
        candidates: TensorLike,
        identifiers: TensorLike | None = None,
        duplicates: Duplicates = "warn",
    ) -> "Self":
        """Builds the index anew; nothing of an earlier corpus stays, unless this one is refused.

        Args:
            candidates: `[C, D]` finite embeddings.
            identifiers: `[C]` whole numbers, strings or floats; by default the positions.
            duplicates: What to do where ids come more than once: `"warn"` keeps all rows, so that
                an answer may hold an id twice; `"drop"` keeps the first row of each id; `"error"`
                refuses.

        Returns:
            The index itself.

        Raises:
            ValueError: Where a candidate is NaN or infinite, or shapes don't fit.
        """
        vectors = check_candidates(candidates)
        ids = check_identifiers(identifiers, int(vectors.shape[0]))
        vectors, ids = settle_duplicates(vectors, ids, duplicates)
        tensors = self._build(vectors)
        corpus = Corpus.build(tensors, ids, vectors, self.device, identifiers is not None)
        self._replace_corpus(corpus)
        return self

    def index_from_dataset(
        self, candidates: Iterable[Any], duplicates: Duplicates = "warn"
    ) -> "Self":
        """Builds the index anew from batches, which go through a temporary file.

        Args:
            candidates: `tf.data.Dataset` of embeddings `[B, D]` or of pairs of ids `[B]` and
                embeddings `[B, D]`. Memory holds the corpus at most twice while TensorFlow takes
                it over, and once afterwards.
            duplicates: What to do where ids come more than once, as `index` takes it.

        Returns:
            The index itself.
        """
        vectors, identifiers = read_corpus(candidates)
        return self.index(vectors, identifiers, duplicates)

    def settings(self) -> Config:
        """Returns what matters about how the index searches, JSON-able."""
        return {}

    def tune(
        self,
        queries: TensorLike,
        recall: float = 0.95,
        at: int | None = None,
        *,
        on_setting: Callable[[Any], object] = lambda setting: None,
    ) -> list[dict[str, Any]]:
        """Finds the fastest setting that reaches a recall; by default there is nothing to find.

        Args:
            queries: `[Q, D]` embeddings of queries like those to come; a few hundred.
            recall: Mean share of the `at` true best candidates to be found.
            at: How many best candidates count; by default k.
            on_setting: Called with every setting measured, a dataclass with `recall`,
                `milliseconds` and the arguments of the constructor that were tried.

        Returns:
            The settings measured that no other beats in both recall and time, as records.
        """
        return self.frontier

    @property
    def frontier(self) -> list[dict[str, Any]]:
        """What `tune` measured: settings that no other beats in both recall and time."""
        return []

    def embeddings(self, positions: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings `[..., D]` of candidates by position; position -1 gives zeros."""
        return self._embeddings(self._corpus, positions)

    def scores(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """Returns the scores `[B, C]` by which the index ranks: the dot products.

        A subclass of `Exact` or `Quantized` ranks by another score where it overrides
        `_compute_score(queries, candidates)`, as TFRS's layers do.

        Args:
            queries: `[B, D]`.
            candidates: `[C, D]`.
        """
        return self._compute_score(queries, candidates)

    def num_results(self, k: int | tf.Tensor | None = None) -> int | tf.Tensor:
        """Returns how many columns an answer to k has, `min(k, C)`.

        Args:
            k: The number of results; None takes the index's own.
        """
        return check_k(self._k if k is None else k, self.num_candidates)

    def search(
        self,
        embeddings: TensorLike,
        k: int | tf.Tensor | None = None,
        exclude_positions: tf.Tensor | None = None,
    ) -> Found:
        """Finds positions in the corpus instead of ids.

        Args:
            embeddings: `[B, D]` numbers.
            k: The number of results; None takes the index's own.
            exclude_positions: `[B, E]` int32 positions never to be returned; -1 excludes nothing.

        Returns:
            scores `[B, min(k, C)]` float32 and positions of the same shape, int32, -1 for no
            candidate.
        """
        corpus = self._corpus
        embeddings = check_queries(embeddings, corpus.width, corpus.largest_query)
        columns = check_k(self._k if k is None else k, corpus.num_candidates)
        if exclude_positions is None:
            return self._search(corpus, embeddings, columns)
        excluded = tf.cast(exclude_positions, tf.int32)
        wanted = smaller(columns + _width(excluded), corpus.num_candidates)
        scores, positions = self._search(corpus, embeddings, wanted)
        return keep_first(scores, positions, (positions < 0) | is_in(positions, excluded), columns)

    def call(self, queries: Queries, k: int | tf.Tensor | None = None) -> Found:
        """Returns the scores and ids of the k best candidates."""
        return self._answer(queries, k, None)

    def query_with_exclusions(
        self, queries: Queries, exclusions: TensorLike, k: int | tf.Tensor | None = None
    ) -> Found:
        """Finds the best candidates that are not excluded; an excluded id is never returned.

        Args:
            queries: What a call takes.
            exclusions: `[B, E]` ids, or rows of different length; ids that the corpus doesn't hold
                (such as -1 or `""`) exclude nothing.
            k: The number of results; None takes the index's own.

        Returns:
            As a call, padded at the end of a row where fewer than k candidates are left.
        """
        self._note_inputs(queries)
        return self._answer(queries, k, exclusions)

    def _answer(
        self, queries: Queries, k: int | tf.Tensor | None, exclusions: TensorLike | None
    ) -> Found:
        embeddings = queries if self.query_model is None else self.query_model(queries)
        embeddings, is_one = as_batch(embeddings)
        if self._current.is_drawn and self._outline is not None:
            return self._outline.draw(embeddings, self._k if k is None else k)
        corpus = self._corpus
        embeddings = check_queries(embeddings, corpus.width, corpus.largest_query)
        columns = check_k(self._k if k is None else k, corpus.num_candidates)
        if exclusions is None:
            scores, positions = self._search(corpus, embeddings, columns)
        else:
            scores, positions = self._search_excluding(corpus, embeddings, columns, exclusions)
        look_up = tf.gather if self.always_fills and exclusions is None else gather_or_pad
        ids = look_up(tf.convert_to_tensor(corpus.identifiers), positions)
        return (scores[0], ids[0]) if is_one else (scores, ids)

    def _search_excluding(
        self,
        corpus: Corpus,
        embeddings: tf.Tensor,
        k: int | tf.Tensor,
        exclusions: TensorLike,
    ) -> Found:
        dtype, queries = corpus.identifiers.dtype, embeddings.shape[0]
        excluded = check_exclusions(exclusions, dtype, queries)
        # An excluded id that several candidates bear takes as many places.
        more = corpus.most_of_an_id * _width(excluded)
        wanted = smaller(k + more, corpus.num_candidates)
        scores, positions = self._search(corpus, embeddings, wanted)
        ids = gather_or_pad(corpus.identifiers, positions)
        dropped = (positions < 0) | is_in(tf.cast(ids, excluded.dtype), excluded)
        return keep_first(scores, positions, dropped, k)


def _width(matrix: tf.Tensor) -> int | tf.Tensor:
    width: int | None = matrix.shape[1]
    return tf.shape(matrix)[1] if width is None else width
