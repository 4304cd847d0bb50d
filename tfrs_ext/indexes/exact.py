"""The index that compares a query with every candidate."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes.blockwise import BlockwiseIndex
from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.ops.blockwise_top_k import Start, take_block
from tfrs_ext.ops.positions import gather_or_pad


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Exact(BlockwiseIndex):
    """Finds the k candidates of largest dot product by scoring all of them, in blocks.

    `scores = queries @ candidates.T`, then the k largest of each row; equal scores come in the
    order of the corpus. Stock TensorFlow operations only, so any server can load an export.
    Memory for scores is `4 B block_size` bytes whatever the corpus.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        name: Name of the layer.
        block_size: Candidates scored at a time.

    Call arguments:
        queries: What `Index` takes: embeddings, or the query model's input.
        k: The number of results, at least 1.

    Returns:
        scores `[B, min(k, C)]` float32 and ids of the same shape, best first.

    Relations:
        `ScaNN` answers many times sooner from about 20,000 candidates on, approximately;
        `Quantized` needs a quarter of the memory.
        `tfrs.layers.factorized_top_k.BruteForce` is the layer that this one stands in for.

    Example:
        >>> index = Exact(k=2).index([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], ["a", "b", "c"])
        >>> scores, ids = index(tf.constant([[2.0, 1.0]]))
        >>> scores.numpy().tolist(), ids.numpy().tolist()
        ([[3.0, 2.0]], [[b'c', b'a']])
    """

    kind = "exact"

    def _build(self, candidates: tf.Tensor) -> Mapping[str, tf.Tensor]:
        return {"candidates": candidates}

    def _score_block(
        self, corpus: Corpus, embeddings: tf.Tensor, start: Start, size: int
    ) -> tf.Tensor:
        candidates = corpus["candidates"].value()
        return self._compute_score(embeddings, take_block(candidates, start, size))

    def _embeddings(self, corpus: Corpus, positions: tf.Tensor) -> tf.Tensor:
        return gather_or_pad(corpus["candidates"], positions, padding=0.0)

    @property
    def candidates(self) -> tf.Variable:
        """`[C, D]`, the embedding of each position."""
        return self._corpus["candidates"]

    def is_exact(self) -> bool:
        """Returns whether every result is the true one: yes."""
        return True
