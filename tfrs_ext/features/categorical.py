"""A column of ids or categories."""

import dataclasses
from typing import Any, ClassVar, Union

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features.cells import check_cells, holds_lists
from tfrs_ext.features.column_encoder import TableEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.lookup import replace_some
from tfrs_ext.features.vocabulary import as_vocabulary
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class Categorical(Feature):
    """A column `[B]` of int64 or string ids; values outside `vocabulary` share embeddings.

    Args:
        name: The column.
        vocabulary: The known values: integers or strings, in any sequence or array.
        unknown_rate: The share of the values that count as unknown in training, at random, so
            that the embeddings of unknown values are learned. With 0 they learn from the training
            rows whose value the vocabulary lacks, and stay as they were drawn where there are none.
        num_hash_buckets: The number of embeddings that unknown values share: a hash of the value
            says which is its own.

    Raises:
        ValueError: `vocabulary` holds other values, or one of them twice, `unknown_rate` isn't in
            [0, 1), or `num_hash_buckets` isn't positive.

    Relations:
        `Categories` holds several values a row, `History` a sequence of items.
    """

    kind: ClassVar[str] = "categorical"
    vocabulary: Vocabulary = ()
    unknown_rate: float = 0.0
    num_hash_buckets: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "vocabulary", as_vocabulary(self.vocabulary, self.name))
        if not 0.0 <= self.unknown_rate < 1.0:
            raise ValueError(
                "`unknown_rate` must be at least 0 and below 1, received "
                f"unknown_rate={self.unknown_rate}."
            )
        if self.num_hash_buckets < 1:
            raise ValueError(
                "`num_hash_buckets` must be a positive integer, received "
                f"num_hash_buckets={self.num_hash_buckets}."
            )

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Returns whole numbers as `Int64`, and all else as strings."""
        check_cells(
            column,
            holds_lists(column),
            f"{name} must hold one category a cell",
            'Make it a column of kind "categories".',
        )
        if not pd.api.types.is_numeric_dtype(column):
            return column.astype(object).map(str, na_action="ignore").astype(object)
        check_cells(
            column,
            column.notna() & (column.astype("Float64") % 1 != 0),
            f"{name} must hold whole numbers or strings",
            "Round the column, or turn it into strings.",
        )
        return column.astype("Int64")

    @classmethod
    def fit(
        cls,
        name: str,
        column: "pd.Series[Any]",
        unknown_rate: float = 0.0,
        num_hash_buckets: int = 1,
        min_count: int = 1,
    ) -> "Categorical":
        """Takes the values that occur into the vocabulary, in ascending order.

        Args:
            name: The column.
            column: What `convert` returned.
            unknown_rate: The share of the values that count as unknown in training.
            num_hash_buckets: The number of embeddings that unknown values share.
            min_count: The number of cells in which a value must occur; rarer ones are unknown.
        """
        if min_count < 1:
            raise ValueError(f"`min_count` must be at least 1, received min_count={min_count}.")
        present = column.dropna()
        numbers = pd.api.types.is_numeric_dtype(present)
        cells = present.to_numpy(np.int64 if numbers else object)
        values, counts = np.unique(cells, return_counts=True)
        known = tuple(values[counts >= min_count].tolist())
        return cls(name, known, unknown_rate, num_hash_buckets)

    @property
    def missing(self) -> Union[str, np.int64]:
        """An empty cell is an unknown category: -1 or ""."""
        is_text = not self.vocabulary or isinstance(self.vocabulary[0], str)
        return "" if is_text else np.int64(-1)

    def encoder(self, embedding_dim: int) -> TableEncoder:
        """Returns a layer that embeds each value."""
        return _CategoricalEncoder(self, embedding_dim)


class _CategoricalEncoder(TableEncoder):
    def __init__(self, feature: Categorical, embedding_dim: int) -> None:
        super().__init__(
            feature, feature.vocabulary, embedding_dim, num_hash_buckets=feature.num_hash_buckets
        )
        self.dropout = keras.layers.Dropout(feature.unknown_rate)

    def call(self, values: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        rows = self.lookup(values)
        if training and self.feature.unknown_rate:
            rows = replace_some(rows, values, self.dropout, self.lookup)
        return self.embedding(rows)
