"""The words of texts in any script."""

import tensorflow as tf

_BETWEEN_WORDS = r"[^\p{L}\p{M}\p{N}]+"


def split_words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns the runs of letters and digits of texts, in lower case.

    Marks that Unicode combines with the letter before them (accents, the vowel signs of Indian
    scripts) belong to the word.

    Args:
        texts: `[B]` strings in UTF-8; bytes that are no UTF-8 count as nothing.

    Returns:
        `[B, (words)]` strings; a text without a letter or digit has no words.
    """
    # What makes lower case would end a text at a byte of zero.
    clean = tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", replacement_char=ord(" "), replace_control_characters=True
    )
    lower = tf.strings.lower(clean, encoding="utf-8")
    return tf.strings.split(tf.strings.regex_replace(lower, _BETWEEN_WORDS, " "))


def letter_trigrams(texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns the three-letter pieces of the words of texts, as often as they occur.

    A word is set between marks first, so that its begin and its end are told apart from its
    middle: "good" becomes `#good#` and has `#go`, `goo`, `ood`, `od#`. A letter is a code point.

    Args:
        texts: `[B]` strings in UTF-8.

    Returns:
        `[B, (trigrams)]` strings, in the order of the text; at least one for each word.
    """
    words = split_words(texts)
    letters = tf.strings.unicode_split(tf.strings.join(["#", words.values, "#"]), "UTF-8")
    return words.with_values(tf.strings.ngrams(letters, 3, separator="")).merge_dims(1, 2)
