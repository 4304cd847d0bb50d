"""A column of texts."""

import dataclasses
from collections import Counter
from typing import Any, ClassVar

import pandas as pd
import tensorflow as tf

from tfrs_ext.features.column_encoder import BagEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.vocabulary import as_vocabulary
from tfrs_ext.ops.words import split_words
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class Text(Feature):
    """A column `[B]` of strings, which are split into lower-case words.

    Args:
        name: The column.
        vocabulary: The known words, of lower-case letters and digits.

    Raises:
        ValueError: `vocabulary` holds what can be no word of a text.

    Relations:
        `Categories` splits at a separator and takes what is between as it is.
    """

    kind: ClassVar[str] = "text"
    missing: ClassVar[str] = ""
    vocabulary: Vocabulary = ()

    def __post_init__(self) -> None:
        words = as_vocabulary(self.vocabulary, self.name)
        object.__setattr__(self, "vocabulary", words)
        wrong = _unmatched(words)
        if wrong:
            raise ValueError(
                f"`vocabulary` of the feature {self.name!r} must hold lower-case words of letters "
                f"and digits, because texts are split into such, received {wrong[0]!r}. Fit it "
                "with `Text.fit`, or make the column `Categorical` or `Categories`."
            )

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Returns strings."""
        return column.astype(object).map(str, na_action="ignore").astype(object)

    @classmethod
    def fit(cls, name: str, column: "pd.Series[Any]", min_count: int = 2) -> "Text":
        """Takes the words that occur in several rows, frequent ones first.

        Args:
            name: The column.
            column: The texts.
            min_count: The number of rows in which a word must occur. Where no word does, all are
                taken.
        """
        texts = cls.split(tf.constant(cls(name).to_array(column), tf.string))
        return cls(name, vocabulary=most_frequent(texts, min_count))

    @staticmethod
    def split(texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the runs of letters and digits of texts `[B]`, in lower case, `[B, (words)]`."""
        return split_words(texts)

    def encoder(self, embedding_dim: int) -> BagEncoder:
        """Returns a layer that averages the embeddings of the words."""
        return BagEncoder(self, embedding_dim)


def most_frequent(rows: tf.RaggedTensor, min_count: int) -> tuple[str, ...]:
    """Returns the values by the number of rows that hold them, descending.

    Args:
        rows: `[N, (values)]` strings.
        min_count: The number of rows in which a value must occur. Where no value does, all are
            taken.
    """
    if min_count < 1:
        raise ValueError(f"`min_count` must be at least 1, received min_count={min_count}.")
    counts = Counter(value for row in rows.to_list() for value in set(row))
    wanted = min(min_count, max(counts.values(), default=1))
    ordered = sorted((-count, value.decode()) for value, count in counts.items())
    return tuple(value for count, value in ordered if -count >= wanted)


def _unmatched(words: Vocabulary) -> list[object]:
    """Returns what no text can be split into."""
    plain = (isinstance(w, str) and w.isascii() and w.isalnum() and w == w.lower() for w in words)
    doubtful = [word for word, is_plain in zip(words, plain, strict=True) if not is_plain]
    if not doubtful:
        return []
    with tf.init_scope():
        split = Text.split(tf.constant([str(word) for word in doubtful])).to_list()
    pairs = zip(doubtful, split, strict=True)
    return [word for word, parts in pairs if parts != [str(word).encode()]]
