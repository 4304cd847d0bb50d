"""The items of the whole catalogue that an index finds nearest to the queries."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.catalogue import Catalogue
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.negatives.uncorrected import uncorrected_log_q
from tfrs_ext.ops.tables import check_same_kind
from tfrs_ext.typing import Config, TensorLike

Search = Callable[..., Sequence[TensorLike]]
"""From queries `[B, D]` and `k` to scores and ids, both `[B, k]`."""


@keras.saving.register_keras_serializable(package="tfrs_ext")
class HardFromIndex(Source):
    """Looks the queries up in an index of all items, and embeds what it finds anew.

    For each query the index's best `num_hard_negatives` items; their union. The index is one of
    an earlier model, which `refresh` replaces, say after every epoch; the embeddings are today's.
    Such rows have no Q: each of the N has `-log(N)`, which corrects nothing.

    Args:
        catalogue: The items that the index knows, as `Catalogue`, or their ids `[M]`.
        num_hard_negatives: How many items to look up for each query.
        index: A callable from queries `[B, D]` and `k` to scores and ids `[B, k]`, as the layers
            in `tfrs_ext.indexes` and `tfrs.layers.factorized_top_k` are. Not saved with the
            model.

    Raises:
        ValueError: Where `num_hard_negatives` < 1, or `candidate_model` or an index isn't given.

    Relations:
        Mix it with easier ones (`Mixed`): the nearest items are often positives that nobody saw.
        `Hard` searches the pool of another source instead, with the current model.

    Example:
        >>> index = tfrs_ext.indexes.Exact().index(tf.eye(3), tf.constant([1, 2, 3]))
        >>> hard = tfrs_ext.negatives.HardFromIndex([1, 2, 3], 2, index)

    References:
        Xiong et al., "Approximate Nearest Neighbor Negative Contrastive Learning for Dense Text
        Retrieval", ICLR 2021.
    """

    PARTS = ("catalogue",)

    def __init__(
        self,
        catalogue: Catalogue | TensorLike,
        num_hard_negatives: int,
        index: Search | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_hard_negatives < 1:
            raise ValueError(f"`num_hard_negatives` must be ≥ 1, received {num_hard_negatives}.")
        self.catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue(catalogue)
        self.num_hard_negatives = num_hard_negatives
        self.refresh(index)

    def refresh(self, index: Search | None) -> None:
        """Takes another index from the next call on, also in a `fit` that is under way."""
        # Wrapped, so that Keras neither tracks nor saves the index's copy of the corpus.
        self._index = _Untracked(index)

    def draw(self, batch: Batch) -> Pool:
        """Returns the batch's positives and the items found."""
        # Outside the graph, which would keep the index that it was traced with.
        found = tf.py_function(self._search, [batch.queries], self.catalogue.ids.dtype)
        ids = tf.unique(tf.reshape(found, [-1]))[0]
        positions, known = self.catalogue.positions(ids)
        positions = tf.boolean_mask(positions, known)
        embeddings = batch.embed(self.catalogue.features(positions))
        log_q = uncorrected_log_q(tf.size(positions))
        negatives = Candidates(embeddings, tf.gather(self.catalogue.ids, positions), log_q)
        return Pool(batch.positives, negatives.like(batch.candidates))

    def _search(self, queries: tf.Tensor) -> tf.Tensor:
        if self._index.value is None:
            raise ValueError("`refresh` must be called with an index before it can be searched.")
        queries = tf.cast(queries, tf.float32)
        ids = tf.convert_to_tensor(self._index.value(queries, k=self.num_hard_negatives)[1])
        check_same_kind(ids, self.catalogue.ids)
        return ids if ids.dtype == tf.string else tf.cast(ids, tf.int64)

    def get_config(self) -> Config:
        """Returns the constructor's arguments, without the index."""
        return {**super().get_config(), "num_hard_negatives": self.num_hard_negatives}


class _Untracked:
    def __init__(self, value: Search | None) -> None:
        self.value = value
