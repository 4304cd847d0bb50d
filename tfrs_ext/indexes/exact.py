"""The index that compares a query with every candidate."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes._blocks import best_in_blocks, block_of
from tfrs_ext.indexes._results import gather_rows
from tfrs_ext.indexes._top_k import GROUP
from tfrs_ext.indexes.index import Index


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Exact(Index):
    """Finds the k candidates of largest dot product by scoring all of them, in blocks.

    `scores = queries @ candidates.T`, then the k largest of each row; equal scores come in the
    order of the corpus. Stock TensorFlow operations only, so any server can load an export.
    Memory for scores is `4 B block_size` bytes whatever the corpus.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        block_size: Candidates scored at a time.
        name: Name of the layer.

    Call arguments:
        queries: `[B, D]` floating point, or what `query_model` takes.
        k: Python int or int32 scalar tensor; the result has `min(k, C)` columns.

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

    def __init__(
        self,
        query_model: Any = None,
        k: int = 10,
        block_size: int = 131072,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(query_model=query_model, k=k, name=name, **kwargs)
        if block_size < GROUP:
            raise ValueError(
                f"`block_size` must be at least {GROUP}, received block_size={block_size}."
            )
        self.block_size = block_size

    def _build(self, candidates: tf.Tensor) -> None:
        self._candidates = tf.Variable(candidates, trainable=False, name="candidates")

    @property
    def _width(self) -> int:
        return int(self._stored.shape[1])

    @property
    def _stored(self) -> tf.Variable:
        if self._candidates is None:
            raise ValueError("`index` must be called before the index can be used.")
        return self._candidates

    def embeddings(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the embeddings `[..., D]` of candidates by row number; row -1 gives zeros."""
        return gather_rows(self._stored, rows, padding=0.0)

    def _search(self, embeddings: tf.Tensor, k: Any) -> tuple[tf.Tensor, tf.Tensor]:
        candidates = self._stored.read_value()

        def score(start: Any, rows: int) -> tf.Tensor:
            return tf.matmul(embeddings, block_of(candidates, start, rows), transpose_b=True)

        return best_in_blocks(score, embeddings, self.num_candidates, self.block_size, k)

    def is_exact(self) -> bool:
        """Whether every result is the true one: yes."""
        return True

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "block_size": self.block_size}

    def _tensors(self) -> dict[str, Any]:
        return {"candidates": self._stored}

    def _restore(self, tensors: dict[str, tf.Tensor]) -> None:
        self._build(tensors["candidates"])
