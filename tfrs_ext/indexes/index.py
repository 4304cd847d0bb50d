"""What every index shares: checks, ids, exclusions, and its place in Keras and TFRS."""

import abc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import tensorflow as tf
from tensorflow_recommenders.layers.factorized_top_k import TopK

from tfrs_ext._keras import keras
from tfrs_ext.indexes._candidates import checked_candidates, checked_identifiers
from tfrs_ext.indexes._corpus import read_corpus
from tfrs_ext.indexes._results import gather_rows, is_in, keep_first
from tfrs_ext.indexes._storage import get, put
from tfrs_ext.typing import TensorLike

if TYPE_CHECKING:
    from typing_extensions import Self


class Index(TopK, abc.ABC):
    """A corpus of candidates that answers with the k of largest dot product with a query.

    A drop-in for the layers in `tfrs.layers.factorized_top_k`. Results have `min(k, C)` columns,
    best first. A place for which no candidate is left (after exclusions, or because an
    approximate search found too few) holds the id -1 (`""` where ids are strings) and the lowest
    finite float32 as score; such places are always the last of their row.

    A subclass implements `_build(candidates)` and `_search(embeddings, k)`. One that gives itself a
    `kind` is registered under it: `build_index`, exports and the recipes know it from then on.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        name: Name of the layer.

    Call arguments:
        queries: `[B, D]` floating point, or what `query_model` takes.
        k: Python int or int32 scalar tensor.

    Returns:
        scores `[B, min(k, C)]` float32 and ids of the same shape.
    """

    kind: ClassVar[str] = ""
    """What `build_index` and manifests call such an index; "" for a class that isn't complete."""
    has_exact_scores: ClassVar[bool] = True
    """Whether scores are the true dot products of the candidates returned."""
    is_exportable: ClassVar[bool] = True
    """Whether its search is a graph that a server can run; a `tf.py_function` isn't."""
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

    @classmethod
    def op_library(cls) -> str | None:
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

    def __init__(
        self, query_model: Any = None, k: int = 10, name: str | None = None, **kwargs: Any
    ) -> None:
        if not isinstance(k, int) or k < 1:
            raise ValueError(f"`k` must be a positive integer, received k={k}.")
        super().__init__(k=k, name=name, **kwargs)
        self.query_model = query_model
        self._candidates: tf.Variable | None = None
        self._identifiers: tf.Variable | None = None

    def index(self, candidates: Any, identifiers: Any = None) -> "Self":
        """Builds the index anew; nothing of an earlier corpus stays.

        Args:
            candidates: `[C, D]` finite embeddings.
            identifiers: `[C]` int32, int64 or string, unique; by default the row numbers.

        Returns:
            The index itself.

        Raises:
            ValueError: Where a candidate is NaN or infinite, or an id appears twice.
        """
        candidates = checked_candidates(candidates)
        identifiers = checked_identifiers(identifiers, int(candidates.shape[0]))
        self._set_identifiers(identifiers)
        self._build(candidates)
        return self

    def index_from_dataset(self, candidates: Any) -> "Self":
        """Builds the index anew from batches, which go through a temporary file.

        Args:
            candidates: `tf.data.Dataset` of embeddings `[B, D]` or of pairs of ids `[B]` and
                embeddings `[B, D]`. Memory holds the corpus at most twice while TensorFlow takes
                it over, and once afterwards.

        Returns:
            The index itself.
        """
        vectors, identifiers = read_corpus(candidates)
        return self.index(vectors, identifiers)

    def _set_identifiers(self, identifiers: tf.Tensor) -> None:
        with tf.device("CPU"):
            self._identifiers = tf.Variable(identifiers, trainable=False, name="identifiers")
        # Keras caches the traced call of the corpus before.
        self.predict_function = None

    @property
    def num_candidates(self) -> int:
        """C, the size of the corpus."""
        return int(self.identifiers.shape[0])

    @property
    def identifiers(self) -> tf.Variable:
        """`[C]`, the id of each row."""
        if self._identifiers is None:
            raise ValueError("`index` must be called before the index can be used.")
        return self._identifiers

    def settings(self) -> dict[str, Any]:
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

    @abc.abstractmethod
    def _build(self, candidates: tf.Tensor) -> None:
        """Replaces what the index holds by `candidates` `[C, D]`, float32 and finite."""

    @abc.abstractmethod
    def _tensors(self) -> dict[str, Any]:
        """Returns what a weight file must hold besides the ids, by name."""

    @abc.abstractmethod
    def _restore(self, tensors: dict[str, tf.Tensor]) -> None:
        """Takes back what `_tensors` gave."""

    @abc.abstractmethod
    def _search(self, embeddings: tf.Tensor, k: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns scores and rows `[B, k]`; 0 <= k <= C."""

    @abc.abstractmethod
    def embeddings(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings `[..., D]` of candidates by row number; row -1 gives zeros."""

    def search(
        self, embeddings: tf.Tensor, k: Any = None, exclude_rows: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds rows of the corpus instead of ids.

        Args:
            embeddings: `[B, D]` floating point.
            k: Python int or int32 scalar tensor.
            exclude_rows: `[B, E]` int32 row numbers never to be returned; -1 excludes nothing.

        Returns:
            scores `[B, min(k, C)]` float32 and rows of the same shape, int32, -1 for no candidate.
        """
        embeddings = self._checked_queries(embeddings)
        columns = self._columns(k)
        if exclude_rows is None:
            return self._search(embeddings, columns)
        exclude_rows = tf.cast(exclude_rows, tf.int32)
        scores, rows = self._search(embeddings, self._widened(columns, exclude_rows))
        return keep_first(scores, rows, (rows < 0) | is_in(rows, exclude_rows), columns)

    def call(self, queries: Any, k: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the scores and ids of the k best candidates."""
        scores, rows = self.search(self._embed(queries), k)
        return scores, gather_rows(self.identifiers, rows)

    def query_with_exclusions(
        self, queries: Any, exclusions: tf.Tensor, k: Any = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Finds the best candidates that are not excluded; an excluded id is never returned.

        Args:
            queries: As in `call`.
            exclusions: `[B, E]` ids, of the dtype of the identifiers; ids that the corpus does
                not hold (such as -1 or `""`) exclude nothing.
            k: As in `call`.

        Returns:
            As `call`, padded at the end of a row where fewer than k candidates are left.
        """
        exclusions = tf.cast(tf.convert_to_tensor(exclusions), self.identifiers.dtype)
        columns = self._columns(k)
        embeddings = self._checked_queries(self._embed(queries))
        scores, rows = self._search(embeddings, self._widened(columns, exclusions))
        dropped = (rows < 0) | is_in(gather_rows(self.identifiers, rows), exclusions)
        scores, rows = keep_first(scores, rows, dropped, columns)
        return scores, gather_rows(self.identifiers, rows)

    def _embed(self, queries: Any) -> tf.Tensor:
        return queries if self.query_model is None else self.query_model(queries)

    def _checked_queries(self, embeddings: Any) -> tf.Tensor:
        width = self._width
        embeddings = tf.cast(tf.convert_to_tensor(embeddings), tf.float32)
        if embeddings.shape.rank != 2 or embeddings.shape[1] not in (None, width):
            raise ValueError(
                f"Query embeddings must have shape [B, {width}] as the candidates have, "
                f"received shape={embeddings.shape}."
            )
        return tf.ensure_shape(embeddings, [None, width])

    @property
    def _width(self) -> int:
        raise NotImplementedError

    def _columns(self, k: Any) -> Any:
        k = self._k if k is None else k
        if tf.is_tensor(k):
            return tf.clip_by_value(tf.cast(k, tf.int32), 0, self.num_candidates)
        if k < 1:
            raise ValueError(f"`k` must be a positive integer, received k={k}.")
        return min(int(k), self.num_candidates)

    def _widened(self, columns: Any, exclusions: tf.Tensor) -> Any:
        extra = exclusions.shape[1]
        if extra is None or tf.is_tensor(columns):
            return tf.minimum(columns + tf.shape(exclusions)[1], self.num_candidates)
        return min(columns + extra, self.num_candidates)

    def get_build_config(self) -> None:
        """Returns nothing: a layer can't be called before its corpus is read from the file."""

    def save_own_variables(self, store: Any) -> None:
        """Writes the corpus into a `.keras` or `.weights.h5` file."""
        put(store, {"identifiers": self.identifiers, **self._tensors()})

    def load_own_variables(self, store: Any) -> None:
        """Takes the corpus from a `.keras` or `.weights.h5` file, in place of its own."""
        tensors = get(store)
        self._set_identifiers(tensors.pop("identifiers"))
        self._restore(tensors)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        query_model = self.query_model and keras.saving.serialize_keras_object(self.query_model)
        return {"query_model": query_model, "k": self._k, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Self":
        """Builds the layer, still without a corpus, from `get_config`'s answer."""
        config = dict(config)
        if config.get("query_model") is not None:
            config["query_model"] = keras.saving.deserialize_keras_object(
                config["query_model"], custom_objects=custom_objects
            )
        return cls(**config)
