"""A layer of Keras that holds a corpus, and brings it along in every file."""

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Union

import tensorflow as tf
from tensorflow_recommenders.layers.factorized_top_k import TopK

from tfrs_ext._keras import keras
from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.query_checks import as_positive
from tfrs_ext.indexes.weight_store import WeightStore, get, put
from tfrs_ext.ops.grouped_top_k import smaller
from tfrs_ext.typing import Columns, Config, TensorLike

if TYPE_CHECKING:
    from typing_extensions import Self


Queries = Union[TensorLike, Columns]
"""Embeddings `[B, D]`, or what a query model takes."""


class QueryModel(Protocol):
    """A Keras model, or another function, from query features to embeddings `[B, D]`."""

    def __call__(self, queries: Any) -> tf.Tensor:
        """Returns embeddings `[B, D]`."""


class CorpusLayer(TopK):
    """A top-k layer whose corpus is replaced as a whole and comes along in files.

    Searches read the corpus once, so one that runs while another thread builds the index anew
    answers from the corpus that was.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        name: Name of the layer.
    """

    device: str | None = None
    """Where the corpus lives; None for TensorFlow's choice."""

    def __init__(
        self,
        query_model: QueryModel | None = None,
        k: int = 10,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(k=as_positive(k), name=name, **kwargs)
        self._autocast = False  # Scores are float32 under any policy, and so are the queries.
        self.query_model = query_model
        self._saved_corpus: Corpus | None = None
        # Keras deletes an attribute before it sets it again: searches read this one instead.
        self._current = _Current()
        self._outline: Outline | None = None

    @property
    def _corpus(self) -> Corpus:
        """The corpus as it is now; a search must ask once."""
        if self._current.corpus is None:
            if self._saved_corpus is None:
                raise ValueError("`index` must be called before the index can be used.")
            # Keras's SavedModel format brings the variables back, without their class.
            self._current.corpus = Corpus(self._saved_corpus._variables, self.device)
        corpus = self._current.corpus
        if not tf.executing_eagerly():
            _keep_as_long_as_the_graph(corpus)
        return corpus

    def _replace_corpus(self, corpus: Corpus) -> None:
        # Also where it is the present one: what searches it may have been set anew.
        self._current.traced = None
        self._current.corpus = corpus
        self._saved_corpus = corpus

    @property
    def num_candidates(self) -> int:
        """C, the size of the corpus."""
        return self._corpus.num_candidates

    @property
    def identifiers(self) -> tf.Variable:
        """`[C]`, the id of each position."""
        return self._corpus.identifiers

    @property
    def has_ids(self) -> bool:
        """Whether the candidates came with ids; without, they are known by position."""
        return self._corpus.has_ids

    @property
    def has_unique_ids(self) -> bool:
        """Whether no two candidates have the same id."""
        return self._corpus.most_of_an_id == 1

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Asks as `call` does: eagerly without what Keras does around a layer that it knows.

        That work takes longer than the search of one query. It is done where a layer is called for
        the first time, in graphs, and where a functional model is put together.
        """
        if tf.executing_eagerly() and self.built and args and isinstance(args[0], tf.Tensor):
            return self.call(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    def make_predict_function(self, force: bool = False) -> Any:
        """Returns what `predict` runs, traced again where the corpus was replaced."""
        force = force or self._current.traced is not self._current.corpus
        self._current.traced = self._current.corpus
        return super().make_predict_function(force)

    def get_build_config(self) -> None:
        """Returns nothing: a layer can't be called before its corpus is read from the file."""

    def save_own_variables(self, store: WeightStore) -> None:
        """Writes the corpus into a `.keras` or `.weights.h5` file."""
        put(store, self._corpus.variables_by_name())

    def load_own_variables(self, store: WeightStore) -> None:
        """Takes the corpus from a `.keras` or `.weights.h5` file, in place of its own."""
        self._replace_corpus(Corpus(get(store), self.device))

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        query_model = self.query_model and keras.saving.serialize_keras_object(self.query_model)
        config = {"query_model": query_model, "k": self._k, "name": self.name}
        if self._current.corpus is None and self._saved_corpus is None:
            return config
        return {**config, "corpus": [self.num_candidates, self.identifiers.dtype.name]}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "Self":
        """Builds the layer, still without a corpus, from `get_config`'s answer."""
        config = dict(config)
        outline = config.pop("corpus", None)
        if config.get("query_model") is not None:
            config["query_model"] = keras.saving.deserialize_keras_object(
                config["query_model"], custom_objects=custom_objects
            )
        layer = cls(**config)
        layer._outline = outline and Outline(*outline)
        return layer

    def _keras_tensor_symbolic_call(self, *args: Any) -> Any:
        """Lets a functional model be put together before its weights, and the corpus, are read."""
        self._current.is_drawn = self._current.corpus is None and self._outline is not None
        try:
            return super()._keras_tensor_symbolic_call(*args)
        finally:
            self._current.is_drawn = False

    def _note_inputs(self, queries: Queries) -> None:
        """Tells Keras what is asked, as a call does, so that a saved model has the search."""
        if not getattr(self, "built", False):
            self.built: bool = True
            self._set_save_spec(queries)

    def _trackable_children(self, save_type: str = "checkpoint", **kwargs: Any) -> Any:
        """Adds the search with exclusions to a SavedModel."""
        children = super()._trackable_children(save_type, **kwargs)
        if save_type == "savedmodel" and self.built and self._current.corpus is not None:
            children["query_with_exclusions"] = self._trace_exclusions()
        return children

    def _trace_exclusions(self) -> Any:
        (queries,), _ = self.save_spec()
        exclusions = tf.TensorSpec([None, None], self.identifiers.dtype, name="exclusions")
        function = tf.function(self.query_with_exclusions, autograph=False)
        function.get_concrete_function(queries, exclusions)
        function.get_concrete_function(queries, exclusions, tf.TensorSpec([], tf.int32, name="k"))
        return function


class Outline(NamedTuple):
    """What a functional model must know of a corpus that isn't read yet.

    Attributes:
        num_candidates: C.
        dtype: The dtype of the ids.
    """

    num_candidates: int
    dtype: str

    def draw(self, embeddings: tf.Tensor, k: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns scores and ids of the shape and the dtype that a search returns."""
        shape = [tf.shape(embeddings)[0], smaller(k, self.num_candidates)]
        return tf.zeros(shape), tf.zeros(shape, self.dtype)


def _keep_as_long_as_the_graph(corpus: Corpus) -> None:
    # A graph doesn't keep the variables that it reads, and would fail after another `index`.
    graph = tf.compat.v1.get_default_graph()
    graph._corpora_read = [*getattr(graph, "_corpora_read", ()), corpus]


class _Current:
    """The corpus as searches see it, in an object that Keras doesn't track."""

    def __init__(self) -> None:
        self.corpus: Corpus | None = None
        self.is_drawn = False
        self.traced: Corpus | None = None
