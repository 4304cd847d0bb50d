"""The index that asks several smaller ones and merges what they find."""

import weakref
from collections.abc import Mapping
from typing import Any, cast

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.corpus_layer import QueryModel
from tfrs_ext.indexes.index import Found, Index
from tfrs_ext.indexes.kinds import index_class
from tfrs_ext.indexes.shard import Shard, name_in_corpus, shards_of
from tfrs_ext.ops.grouped_top_k import smaller
from tfrs_ext.ops.positions import NO_POSITION
from tfrs_ext.typing import Config, TensorLike

_OWN = ("query_model", "k", "name")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Sharded(Index):
    """Cuts the corpus into parts with an index each, and merges their answers exactly.

    `top k = the k best among the k best of each part`: whatever the parts find is merged without
    loss, so that the answer of exact parts is that of one exact index, in the same order. Building
    an approximate index of a part needs a part of the memory and of the time.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        name: Name of the layer.
        shard_kind: The kind of the parts' index, one of `index_kinds()` but `"sharded"`.
        num_shards: How many parts there are, or C where that is less.
        shard_options: Arguments of the constructor of the parts' index.

    Call arguments:
        queries: What `Index` takes: embeddings, or the query model's input.
        k: The number of results, at least 1.

    Returns:
        scores `[B, min(k, C)]` float32 and ids of the same shape, best first.

    Raises:
        ValueError: Where `num_shards` is below 1, or `shard_kind` is no kind of a part.

    Relations:
        One index is faster where it fits. For parts on several servers, export each, ask all, and
        call `merge_answers`. `search_batches` searches candidates on disk.

    Example:
        >>> vectors = tf.random.normal([100, 8])
        >>> index = Sharded(k=5, num_shards=3).index(vectors)
        >>> _, ids = index(vectors[:2])
        >>> bool(tf.reduce_all(ids == tfrs_ext.indexes.Exact(k=5).index(vectors)(vectors[:2])[1]))
        True
    """

    kind = "sharded"

    def __init__(
        self,
        query_model: QueryModel | None = None,
        k: int = 10,
        name: str | None = None,
        shard_kind: str = "exact",
        num_shards: int = 2,
        shard_options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(query_model, k, name, **kwargs)
        if num_shards < 1:
            raise ValueError(f"`num_shards` must be at least 1, received num_shards={num_shards}.")
        if shard_kind == self.kind:
            raise ValueError("`shard_kind` must be the kind of a part, received 'sharded'.")
        self.shard_kind, self.num_shards = shard_kind, num_shards
        self._searcher = _Searcher(index_class(shard_kind)(k=k, **(shard_options or {})))
        self.device = self._searcher.part.device
        self.always_fills = self._searcher.part.always_fills  # type: ignore[misc]
        self.has_exact_scores = self._searcher.part.has_exact_scores  # type: ignore[misc]
        self.is_exportable = self._searcher.part.is_exportable  # type: ignore[misc]
        self.op_namespaces = self._searcher.part.op_namespaces  # type: ignore[misc]
        self._frontier: tuple[dict[str, Any], ...] = ()
        self._shards: weakref.WeakKeyDictionary[Corpus, list[Shard]] = weakref.WeakKeyDictionary()

    @classmethod
    def from_settings(
        cls, settings: Mapping[str, Any], num_candidates: int, k: int = 10
    ) -> "Sharded":
        """Returns an index, still without a corpus, whose parts search as the earlier ones did."""
        least = min(
            stop - start for _, start, stop in shards_of(num_candidates, settings["num_shards"])
        )
        kind = index_class(settings["shard_kind"])
        options = _options_of(kind.from_settings(settings["shard_options"], least, k))
        return super().from_settings({**settings, "shard_options": options}, num_candidates, k)

    def op_library(self) -> str | None:
        """Returns the library of the custom operations of the parts' index, or None."""
        return self._searcher.part.op_library()

    def _build(self, candidates: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {
            name_in_corpus(name, number): tensor
            for number, start, stop in shards_of(len(candidates), self.num_shards)
            for name, tensor in self._searcher.part._build(candidates[start:stop]).items()
        }

    def _shards_of(self, corpus: Corpus) -> list[Shard]:
        if corpus not in self._shards:
            parts = shards_of(corpus.num_candidates, self.num_shards)
            self._shards[corpus] = [Shard(corpus, *part) for part in parts]
        return self._shards[corpus]

    def _search(self, corpus: Corpus, embeddings: tf.Tensor, k: int | tf.Tensor) -> Found:
        found = [self._search_shard(shard, embeddings, k) for shard in self._shards_of(corpus)]
        scores, positions = (tf.concat(parts, axis=1) for parts in zip(*found, strict=True))
        # Of equal scores the first comes first: the parts stand in the order of the corpus.
        scores, places = tf.math.top_k(scores, k)
        return scores, tf.gather(positions, places, batch_dims=1)

    def _search_shard(self, shard: Shard, embeddings: tf.Tensor, k: int | tf.Tensor) -> Found:
        columns = smaller(k, shard.num_candidates)
        scores, positions = self._searcher.part._search(_as_corpus(shard), embeddings, columns)
        return scores, tf.where(positions < 0, NO_POSITION, positions + shard.start)

    def _embeddings(self, corpus: Corpus, positions: tf.Tensor) -> tf.Tensor:
        found = []
        for shard in self._shards_of(corpus):
            place = positions - shard.start
            inside = (place >= 0) & (place < shard.num_candidates)
            # Position -1 gives zeros, so that a sum over the parts takes what the right one says.
            place = tf.where(inside, place, NO_POSITION)
            found.append(self._searcher.part._embeddings(_as_corpus(shard), place))
        return tf.add_n(found)

    def _compute_score(self, queries: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        return self._searcher.part.scores(queries, candidates)

    def tune(
        self, queries: TensorLike, recall: float = 0.95, at: int | None = None, **options: Any
    ) -> list[dict[str, Any]]:
        """Tunes the index of the first part, and builds all parts with what was found.

        Args:
            queries: `[Q, D]` embeddings of queries like those to come; a few hundred.
            recall: Mean share of the `at` true best candidates of a part to be found.
            at: How many best candidates count; by default k.
            **options: More arguments of `tune` of the parts' index.

        Returns:
            The settings measured, as records.
        """
        corpus = self._corpus
        vectors = self._embeddings(corpus, tf.range(corpus.num_candidates))
        _, _, stop = next(shards_of(corpus.num_candidates, self.num_shards))
        found = self._searcher.part.index(vectors[:stop]).tune(queries, recall, at, **options)
        self._searcher = _Searcher(
            type(self._searcher.part)(k=self._k, **_options_of(self._searcher.part))
        )
        self._frontier = tuple(found)
        if found:
            self._replace_corpus(corpus.rebuild(self._build(vectors), self.device))
        return found

    @property
    def frontier(self) -> list[dict[str, Any]]:
        """What `tune` measured of the first part."""
        return [dict(record) for record in self._frontier]

    def is_exact(self) -> bool:
        """Returns whether every result is the true one: where it is for the parts."""
        return self._searcher.part.is_exact()

    def settings(self) -> Config:
        """Returns what matters about how the index searches, JSON-able."""
        return {
            "shard_kind": self.shard_kind,
            "num_shards": self.num_shards,
            "shard_options": _options_of(self._searcher.part),
        }

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), **self.settings()}


class _Searcher:
    """The parts' index, which has no corpus of its own, in an object that Keras doesn't track."""

    def __init__(self, part: Index) -> None:
        self.part = part


def _as_corpus(shard: Shard) -> Corpus:
    return cast(Corpus, shard)  # It answers to all that a search asks of a corpus.


def _options_of(part: Index) -> Config:
    return {n: v for n, v in part.get_config().items() if n not in (*_OWN, "corpus")}
