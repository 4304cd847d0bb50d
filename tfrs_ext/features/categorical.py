"""A column of ids or categories."""

import dataclasses
from typing import Any, ClassVar, Union

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext.features.cells import check_cells, holds_lists
from tfrs_ext.features.column_encoder import TableEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.vocabulary import as_vocabulary
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class Categorical(Feature):
    """A column `[B]` of int64 or string ids; values outside `vocabulary` share one embedding.

    Args:
        name: The column.
        vocabulary: The known values: integers or strings, in any sequence or array.
        unknown_rate: The share of the values that count as unknown in training, at random, so
            that the embedding of unknown values is learned; with 0 it stays as it was drawn.

    Raises:
        ValueError: `vocabulary` holds other values, or one of them twice, or `unknown_rate` isn't
            in [0, 1).

    Relations:
        `Categories` holds several values a row, `History` a sequence of items.
    """

    kind: ClassVar[str] = "categorical"
    vocabulary: Vocabulary = ()
    unknown_rate: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "vocabulary", as_vocabulary(self.vocabulary, self.name))
        if not 0.0 <= self.unknown_rate < 1.0:
            raise ValueError(
                "`unknown_rate` must be at least 0 and below 1, received "
                f"unknown_rate={self.unknown_rate}."
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
    def fit(cls, name: str, column: "pd.Series[Any]", unknown_rate: float = 0.0) -> "Categorical":
        """Takes all values that occur into the vocabulary, in ascending order.

        Args:
            name: The column.
            column: What `convert` returned.
            unknown_rate: The share of the values that count as unknown in training.
        """
        present = column.dropna()
        numbers = pd.api.types.is_numeric_dtype(present)
        values = np.unique(present.to_numpy(np.int64 if numbers else object))
        return cls(name, vocabulary=tuple(values.tolist()), unknown_rate=unknown_rate)

    @property
    def missing(self) -> Union[str, np.int64]:
        """An empty cell is an unknown category: -1 or ""."""
        is_text = not self.vocabulary or isinstance(self.vocabulary[0], str)
        return "" if is_text else np.int64(-1)

    def encoder(self, embedding_dim: int) -> TableEncoder:
        """Returns a layer that embeds each value."""
        return _CategoricalEncoder(self, self.vocabulary, embedding_dim)


class _CategoricalEncoder(TableEncoder):
    def call(self, values: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        rows = self.lookup(values)
        if training and self.feature.unknown_rate:
            is_known = tf.random.uniform(tf.shape(rows)) >= self.feature.unknown_rate
            rows = tf.where(is_known, rows, 0)  # The row of unknown values.
        return self.embedding(rows)
