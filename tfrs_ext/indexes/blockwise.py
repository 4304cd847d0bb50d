"""What the indexes share that score every candidate, block by block."""

import abc
from typing import Any

import tensorflow as tf

from tfrs_ext.indexes.corpus import Corpus
from tfrs_ext.indexes.corpus_layer import QueryModel
from tfrs_ext.indexes.index import Found, Index
from tfrs_ext.ops.blockwise_top_k import Start, blockwise_top_k
from tfrs_ext.ops.grouped_top_k import GROUP
from tfrs_ext.typing import Config


class BlockwiseIndex(Index, abc.ABC):
    """An index that scores every candidate with stock operations, so that any server can load it.

    Equal scores come in the order of the corpus. Memory for scores is `4 B block_size` bytes,
    whatever the corpus.

    Args:
        query_model: Keras model from query features to embeddings `[B, D]`; without it, queries
            are embeddings.
        k: Number of results where a call gives none.
        name: Name of the layer.
        block_size: Candidates scored at a time.
    """

    always_fills = True

    def __init__(
        self,
        query_model: QueryModel | None = None,
        k: int = 10,
        name: str | None = None,
        block_size: int = 131072,
        **kwargs: Any,
    ) -> None:
        super().__init__(query_model, k, name, **kwargs)
        if block_size < GROUP:
            raise ValueError(
                f"`block_size` must be at least {GROUP}, received block_size={block_size}."
            )
        self.block_size = block_size

    @abc.abstractmethod
    def _score_block(
        self, corpus: Corpus, embeddings: tf.Tensor, start: Start, size: int
    ) -> tf.Tensor:
        """Returns the scores `[B, size]` of the candidates from `start` on."""

    def _search(self, corpus: Corpus, embeddings: tf.Tensor, k: int | tf.Tensor) -> Found:
        return blockwise_top_k(
            lambda start, size: self._score_block(corpus, embeddings, start, size),
            embeddings,
            corpus.num_candidates,
            self.block_size,
            k,
        )

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {**super().get_config(), "block_size": self.block_size}
