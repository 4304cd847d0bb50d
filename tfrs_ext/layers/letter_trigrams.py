"""Texts as counts of letter trigrams: the word hashing of DSSM."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.ops.words import letter_trigrams
from tfrs_ext.typing import Config, TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class LetterTrigrams(keras.layers.Layer):
    """Counts the letter trigrams of texts: "good" has `#go`, `goo`, `ood` and `od#`.

    `x_v = number of times that trigram v occurs among the words of the text, each set between #`

    A text becomes a sparse row as wide as the vocabulary, and `keras.layers.Dense` multiplies it as
    such: it adds up the rows of its kernel, and its gradient is sparse, too. Words that share most
    of their letters share most of their trigrams, so a word with a typo, or one that training never
    saw, lies close to the word that was meant.

    Texts are split into lower-case words of letters and digits of any script.

    Args:
        vocabulary: The known trigrams, each with a column of its own; empty where `adapt` learns
            them or all are hashed.
        num_buckets: How many columns the other trigrams share, by their hash. With one alone, all
            unknown trigrams count as the same; with an empty vocabulary and several, every trigram
            is hashed, and nothing must be learned.

    Call arguments:
        texts: `[B]` or `[B, 1]` strings in UTF-8.

    Returns:
        `tf.SparseTensor` `[B, V]` of counts in the layer's compute dtype, V = `num_buckets` +
        the size of the vocabulary. Column 0 to `num_buckets - 1` are the buckets. A text without
        a word has an empty row.

    Raises:
        ValueError: `vocabulary` holds what is no trigram, or one twice; `num_buckets` isn't
            positive; the layer is called without vocabulary or buckets; texts are no strings.

    Relations:
        `features.Text` embeds whole words. `keras.layers.TextVectorization` splits texts in other
        ways.

    Example:
        >>> trigrams = LetterTrigrams(("#go", "goo", "ood", "od#"))
        >>> tf.sparse.to_dense(trigrams(tf.constant(["good goo", ""]))).numpy()
        array([[1., 2., 2., 1., 1.],
               [0., 0., 0., 0., 0.]], dtype=float32)

    References:
        Huang et al.: Learning Deep Structured Semantic Models for Web Search using Clickthrough
        Data, CIKM 2013, section 3.2.
    """

    def __init__(self, vocabulary: Sequence[str] = (), num_buckets: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if num_buckets < 1:
            raise ValueError(f"`num_buckets` must be positive, received {num_buckets=}.")
        self.num_buckets = num_buckets
        self._set_vocabulary(vocabulary)

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The known trigrams, in the order of their columns."""
        return self._vocabulary

    @property
    def output_width(self) -> int:
        """V, the number of columns."""
        return self.num_buckets + len(self._vocabulary)

    def adapt(self, texts: tf.data.Dataset | TensorLike, max_tokens: int | None = None) -> None:
        """Learns the vocabulary, the most frequent trigrams first; call it before the layer.

        Args:
            texts: Strings `[N]`, or a dataset of batches `[B]` of them.
            max_tokens: The size that the vocabulary is limited to; None takes all trigrams.

        Raises:
            ValueError: There is no word in all the texts.
        """
        if not isinstance(texts, tf.data.Dataset):
            texts = tf.data.Dataset.from_tensor_slices(_as_texts(texts)).batch(4096)
        limit = None if max_tokens is None else max_tokens + 1  # Keras counts the unknown one.
        learner = keras.layers.StringLookup(max_tokens=limit)
        learner.adapt(texts.map(lambda batch: self.split(_as_texts(batch))))
        found = learner.get_vocabulary(include_special_tokens=False)
        if not found:
            raise ValueError("`texts` must hold a letter or a digit, received none.")
        self._set_vocabulary(found)

    def call(self, texts: tf.Tensor) -> tf.SparseTensor:
        """Returns the counts `[B, V]`."""
        if self.output_width == 1:
            raise ValueError(
                "`LetterTrigrams` must have a vocabulary, or several buckets, before it is called: "
                "pass `vocabulary`, call `adapt(texts)`, or set `num_buckets`, such as 32768."
            )
        pieces = self.split(_as_texts(texts))
        width = tf.constant(self.output_width, tf.int64)
        cells, _, counts = tf.unique_with_counts(
            tf.sort(pieces.value_rowids() * width + self._columns_of(pieces.values))
        )
        return tf.SparseTensor(
            tf.stack([cells // width, cells % width], axis=1),
            tf.cast(counts, self.compute_dtype),
            [pieces.nrows(), self.output_width],
        )

    def split(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the pieces that are counted, `[B, (pieces)]` strings, as often as they occur.

        Args:
            texts: `[B]` strings.
        """
        return letter_trigrams(texts)

    def _columns_of(self, pieces: tf.Tensor) -> tf.Tensor:
        if self._lookup is None:
            return tf.strings.to_hash_bucket_fast(pieces, self.num_buckets)
        return self._lookup(pieces)

    def _set_vocabulary(self, vocabulary: Sequence[str]) -> None:
        self._vocabulary = tuple(vocabulary)
        _check_trigrams(self._vocabulary)
        self._lookup = None
        if self._vocabulary:
            self._lookup = keras.layers.StringLookup(
                vocabulary=list(self._vocabulary), num_oov_indices=self.num_buckets
            )

    def get_config(self) -> Config:
        """Returns the configuration, JSON-able, with a vocabulary that `adapt` learned."""
        return {
            **super().get_config(),
            "vocabulary": list(self._vocabulary),
            "num_buckets": self.num_buckets,
        }


def _check_trigrams(vocabulary: tuple[str, ...]) -> None:
    wrong = [piece for piece in vocabulary if not isinstance(piece, str) or len(piece) != 3]
    if wrong:
        raise ValueError(
            "`vocabulary` must hold strings of three letters, # for the begin and the end of a "
            f"word, received {wrong[0]!r}. `adapt` learns them from texts."
        )
    if len(set(vocabulary)) < len(vocabulary):
        twice = next(piece for piece in vocabulary if vocabulary.count(piece) > 1)
        raise ValueError(f"`vocabulary` must hold each trigram once, received {twice!r} again.")


def _as_texts(texts: TensorLike) -> tf.Tensor:
    texts = tf.convert_to_tensor(texts)
    if texts.shape.rank == 2 and texts.shape[1] == 1:
        texts = tf.squeeze(texts, 1)
    if texts.dtype != tf.string or texts.shape.rank != 1:
        raise ValueError(
            f"`texts` must be strings of shape [B], received {texts.dtype.name} of shape "
            f"{texts.shape}."
        )
    return texts
