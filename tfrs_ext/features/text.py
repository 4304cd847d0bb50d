"""A column of texts."""

import dataclasses

import tensorflow as tf

from tfrs_ext.features.feature import Feature


@dataclasses.dataclass(frozen=True)
class Text(Feature):
    """A column `[B]` of strings, split into lower-case words; `vocabulary` holds the words."""

    vocabulary: tuple[str, ...] = ()

    @staticmethod
    def words(texts: tf.Tensor) -> tf.RaggedTensor:
        """Returns the runs of letters and digits of texts `[B]`, in lower case, `[B, (words)]`."""
        lower = tf.strings.lower(texts, encoding="utf-8")
        return tf.strings.split(tf.strings.regex_replace(lower, r"[^\p{L}\p{N}]+", " "))
