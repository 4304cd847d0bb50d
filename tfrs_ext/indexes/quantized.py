"""The index that compares a query with every candidate, held in eight bits a number."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.indexes._blocks import best_in_blocks, block_of
from tfrs_ext.indexes._results import gather_rows
from tfrs_ext.indexes._top_k import GROUP
from tfrs_ext.indexes.index import Index

_LEVELS = 127.0


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Quantized(Index):
    """Finds nearly all of the k candidates of largest dot product in a quarter of the memory.

    Each candidate is held as int8 with a scale of its own, `candidate = scale * int8` with
    `scale = max|candidate| / 127`; a block at a time is widened to float32 and scored. Stock
    TensorFlow operations only, so any server can load an export. Scores are those of the rounded
    candidates: within `D scale max|query| / 2` of the true ones.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        block_size: Candidates widened and scored at a time.
        name: Name of the layer.

    Call arguments:
        queries: `[B, D]` floating point, or what `query_model` takes.
        k: Python int or int32 scalar tensor; the result has `min(k, C)` columns.

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
        query_model: Any = None,
        k: int = 10,
        block_size: int = 65536,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(query_model=query_model, k=k, name=name, **kwargs)
        if block_size < GROUP:
            raise ValueError(
                f"`block_size` must be at least {GROUP}, received block_size={block_size}."
            )
        self.block_size = block_size
        self._codes: tf.Variable | None = None
        self._scales: tf.Variable | None = None

    def _build(self, candidates: tf.Tensor) -> None:
        scales = tf.reduce_max(tf.abs(candidates), axis=1) / _LEVELS
        codes = tf.round(tf.math.divide_no_nan(candidates, scales[:, None]))
        # A scale that is barely above zero may round to more levels than there are.
        codes = tf.clip_by_value(codes, -_LEVELS, _LEVELS)
        self._restore({"codes": tf.cast(codes, tf.int8), "scales": scales})

    def _restore(self, tensors: dict[str, tf.Tensor]) -> None:
        self._codes = tf.Variable(tensors["codes"], trainable=False, name="codes")
        self._scales = tf.Variable(tensors["scales"], trainable=False, name="scales")

    def _tensors(self) -> dict[str, Any]:
        codes, scales = self._stored
        return {"codes": codes, "scales": scales}

    @property
    def _stored(self) -> tuple[tf.Variable, tf.Variable]:
        if self._codes is None or self._scales is None:
            raise ValueError("`index` must be called before the index can be used.")
        return self._codes, self._scales

    @property
    def _width(self) -> int:
        return int(self._stored[0].shape[1])

    def embeddings(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns the rounded embeddings `[..., D]` of candidates by row; row -1 gives zeros."""
        codes, scales = self._stored
        widened = tf.cast(gather_rows(codes, rows, padding=0), tf.float32)
        return widened * gather_rows(scales, rows, padding=0.0)[..., None]

    def _search(self, embeddings: tf.Tensor, k: Any) -> tuple[tf.Tensor, tf.Tensor]:
        codes, scales = (part.read_value() for part in self._stored)

        def score(start: Any, rows: int) -> tf.Tensor:
            block = tf.cast(block_of(codes, start, rows), tf.float32)
            return tf.matmul(embeddings, block, transpose_b=True) * block_of(scales, start, rows)

        return best_in_blocks(score, embeddings, self.num_candidates, self.block_size, k)

    def is_exact(self) -> bool:
        """Whether every result is the true one: no."""
        return False

    def settings(self) -> dict[str, Any]:
        """Returns what matters about how the index searches, JSON-able."""
        return {"bits": 8}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "block_size": self.block_size}
