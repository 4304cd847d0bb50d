"""A column with several categories a row."""

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext.features.cells import holds_lists
from tfrs_ext.features.column_encoder import BagEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.text import most_frequent
from tfrs_ext.features.vocabulary import as_vocabulary
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class Categories(Feature):
    """A column `[B]` of strings that name several categories, such as "Action|Comedy".

    A row becomes the mean of its categories' embeddings; a row without any becomes zeros.
    Categories outside `vocabulary` share one embedding. White space around a category, and what
    is empty between two separators, count for nothing.

    Args:
        name: The column.
        vocabulary: The known categories.
        separator: What stands between two categories.

    Raises:
        ValueError: `separator` is empty, or part of a category in `vocabulary`.

    Relations:
        `Text` splits at whatever is no letter or digit, and ignores case.

    Example:
        >>> Categories("genres", ("Action", "Comedy")).split(tf.constant(["Action| Comedy", ""]))
        <tf.RaggedTensor [[b'Action', b'Comedy'], []]>
    """

    kind: ClassVar[str] = "categories"
    missing: ClassVar[str] = ""
    vocabulary: Vocabulary = ()
    separator: str = "|"

    def __post_init__(self) -> None:
        if not self.separator:
            raise ValueError("`separator` must have at least one character, received ''.")
        words = tuple(map(str, as_vocabulary(self.vocabulary, self.name)))
        object.__setattr__(self, "vocabulary", words)
        _check_parts(words, self.separator, f"`vocabulary` of the feature {self.name!r}")

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Returns texts, and lists of strings where a cell came as a list."""
        lists = holds_lists(column)
        column = column.astype(object).copy()
        column[lists] = column[lists].map(lambda cell: [str(c) for c in cell if not pd.isna(c)])
        column[~lists] = column[~lists].map(str, na_action="ignore")
        return column

    @classmethod
    def fit(
        cls, name: str, column: "pd.Series[Any]", separator: str = "|", min_count: int = 1
    ) -> "Categories":
        """Takes the categories that occur, frequent ones first.

        Args:
            name: The column.
            column: What `convert` returned.
            separator: What stands between two categories; no category of a list may hold it.
            min_count: The number of rows in which a category must occur.
        """
        empty = cls(name, separator=separator)
        rows = empty.split(tf.constant(empty.to_array(column), tf.string))
        return dataclasses.replace(empty, vocabulary=most_frequent(rows, min_count))

    def to_array(self, column: "pd.Series[Any]") -> npt.NDArray[Any]:
        """Returns strings, those of lists joined by the separator."""
        lists = holds_lists(column)
        for cell in column[lists]:
            _check_parts(cell, self.separator, f"The categories in the column {self.name!r}")
        joined = column.astype(object).mask(lists, column[lists].map(self.separator.join))
        return super().to_array(joined)

    def split(self, values: tf.Tensor) -> tf.RaggedTensor:
        """Returns the categories `[B, (categories)]` of a column `[B]`."""
        parts = tf.strings.split(values, self.separator)
        parts = parts.with_values(tf.strings.strip(parts.values))
        return tf.ragged.boolean_mask(parts, tf.not_equal(parts, ""))

    def encoder(self, embedding_dim: int) -> BagEncoder:
        """Returns a layer that averages the embeddings of the categories."""
        return BagEncoder(self, embedding_dim)


def _check_parts(categories: Iterable[str], separator: str, where: str) -> None:
    wrong = [category for category in categories if separator in category]
    if wrong:
        raise ValueError(
            f"{where} must not hold the separator {separator!r}, received {wrong[0]!r}. State "
            'another: `{"kind": "categories", "separator": ...}` in the schema.'
        )
