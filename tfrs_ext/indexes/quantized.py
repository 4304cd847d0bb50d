"""The index that compares a query with every candidate, held in eight bits a number."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow_recommenders.layers.factorized_top_k import TopK

from tfrs_ext._keras import keras
from tfrs_ext.indexes.blockwise import BlockwiseIndex
from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.corpus_layer import QueryModel
from tfrs_ext.ops.blockwise_top_k import Start, take_block
from tfrs_ext.ops.positions import gather_or_pad
from tfrs_ext.typing import Config

_LEVELS = 127.0


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Quantized(BlockwiseIndex):
    """Finds nearly all of the k candidates of largest dot product in a quarter of the memory.

    Each candidate is held as int8 with a scale of its own, `candidate = scale * int8` with
    `scale = max|candidate| / 127`; a block at a time is widened to float32 and scored. Stock
    TensorFlow operations only, so any server can load an export. Scores are those of the rounded
    candidates: within `D scale max|query| / 2` of the true ones.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        name: Name of the layer.
        block_size: Candidates widened and scored at a time.

    Call arguments:
        queries: What `Index` takes: embeddings, or the query model's input.
        k: The number of results, at least 1.

    Returns:
        scores `[B, min(k, C)]` float32 and ids of the same shape, best first.

    Relations:
        `Exact` makes no error and needs four times the memory; `ScaNN` answers many times sooner
        and needs more memory than `Exact`, and operations that a stock server lacks.

    Example:
        >>> index = Quantized(k=2).index([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], ["a", "b", "c"])
        >>> scores, ids = index(tf.constant([[2.0, 1.0]]))
        >>> ids.numpy().tolist()
        [[b'c', b'a']]
    """

    kind = "quantized"
    has_exact_scores = False

    def __init__(
        self,
        query_model: QueryModel | None = None,
        k: int = 10,
        name: str | None = None,
        block_size: int = 65536,
        **kwargs: Any,
    ) -> None:
        super().__init__(query_model, k, name, block_size, **kwargs)

    def _build(self, candidates: tf.Tensor) -> Mapping[str, tf.Tensor]:
        scales = tf.reduce_max(tf.abs(candidates), axis=1) / _LEVELS
        codes = tf.round(tf.math.divide_no_nan(candidates, scales[:, None]))
        # A scale that is barely above zero may round to more levels than there are.
        codes = tf.clip_by_value(codes, -_LEVELS, _LEVELS)
        return {"codes": tf.cast(codes, tf.int8), "scales": scales}

    def _score_block(
        self, corpus: Corpus, embeddings: tf.Tensor, start: Start, size: int
    ) -> tf.Tensor:
        codes = tf.cast(take_block(corpus["codes"].read_value(), start, size), tf.float32)
        scales = take_block(corpus["scales"].read_value(), start, size)
        if type(self)._compute_score is not TopK._compute_score:
            return self._compute_score(embeddings, codes * scales[:, None])
        # The dot product alone can be scaled afterwards, which is less work.
        return tf.matmul(embeddings, codes, transpose_b=True) * scales

    def _embeddings(self, corpus: Corpus, positions: tf.Tensor) -> tf.Tensor:
        widened = tf.cast(gather_or_pad(corpus["codes"], positions, padding=0), tf.float32)
        return widened * gather_or_pad(corpus["scales"], positions, padding=0.0)[..., None]

    def is_exact(self) -> bool:
        """Returns whether every result is the true one: no."""
        return False

    def settings(self) -> Config:
        """Returns what matters about how the index searches, JSON-able."""
        return {"bits": 8}
