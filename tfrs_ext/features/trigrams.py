"""A column of texts that may hold typos."""

import dataclasses
from typing import Any, ClassVar

import pandas as pd
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features.column_encoder import ColumnEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.text import Text, most_frequent
from tfrs_ext.features.vocabulary import as_vocabulary
from tfrs_ext.layers import LetterTrigrams
from tfrs_ext.ops.words import letter_trigrams
from tfrs_ext.typing import Vocabulary

_NOTHING = ("###",)  # No text has it.


@dataclasses.dataclass(frozen=True)
class Trigrams(Feature):
    """A column `[B]` of strings, which are split into the letter trigrams of their words.

    Args:
        name: The column.
        vocabulary: The known trigrams; empty where all are hashed.
        num_buckets: How many columns share the trigrams outside the vocabulary, by their hash.

    Raises:
        ValueError: `vocabulary` holds what is no trigram, or `num_buckets` isn't positive.

    Relations:
        `Text` embeds whole words: it knows nothing of a word with a typo. `models.DSSM` matches
        two such columns. `layers.LetterTrigrams` is the layer underneath.

    Example:
        >>> title = Trigrams("title", ("#go", "goo", "ood", "od#"))
        >>> tf.sparse.to_dense(title.trigrams()(tf.constant(["good"]))).numpy()
        array([[0., 1., 1., 1., 1.]], dtype=float32)
    """

    kind: ClassVar[str] = "trigrams"
    missing: ClassVar[str] = ""
    vocabulary: Vocabulary = ()
    num_buckets: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "vocabulary", as_vocabulary(self.vocabulary, self.name))
        with tf.init_scope():
            self.trigrams()

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Returns strings."""
        return Text.convert(column, name)

    @classmethod
    def fit(
        cls, name: str, column: "pd.Series[Any]", min_count: int = 1, num_buckets: int = 1
    ) -> "Trigrams":
        """Takes the trigrams that occur in several rows, frequent ones first.

        Args:
            name: The column.
            column: The texts.
            min_count: The number of rows in which a trigram must occur. Where none does, all are
                taken.
            num_buckets: How many columns the others share.
        """
        texts = tf.constant(cls(name).to_array(column), tf.string)
        return cls(name, most_frequent(letter_trigrams(texts), min_count), num_buckets)

    def trigrams(self) -> LetterTrigrams:
        """Returns a new layer that counts the trigrams."""
        # A column without a word has an empty vocabulary, in which all is unknown.
        return LetterTrigrams(list(map(str, self.vocabulary or _NOTHING)), self.num_buckets)

    def encoder(self, embedding_dim: int) -> ColumnEncoder:
        """Returns a layer that adds up the embeddings of the trigrams."""
        return TrigramEncoder(self, embedding_dim)


class TrigramEncoder(ColumnEncoder):
    """Adds up the embeddings of a text's trigrams, as often as they occur.

    Args:
        feature: The column and its facts.
        embedding_dim: D, the width of the table.
    """

    def __init__(self, feature: Trigrams, embedding_dim: int) -> None:
        super().__init__(feature)
        self.trigrams = feature.trigrams()
        # In float32: half precision would copy the whole table, and make its gradient dense.
        self.embedding = keras.layers.Dense(
            embedding_dim, use_bias=False, dtype="float32", name="embedding"
        )

    def call(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns the sum `[B, D]`."""
        return tf.cast(self.embedding(self.trigrams(texts)), self.compute_dtype)
