"""From raw ids to rows of an embedding table."""

from tfrs_ext._keras import keras
from tfrs_ext.typing import Vocabulary

_NOTHING = ("\x01",)  # Keras refuses an empty vocabulary, which a column of unknown values has.


def make_lookup(
    vocabulary: Vocabulary, padding: int | str | None = None
) -> keras.layers.IntegerLookup | keras.layers.StringLookup:
    """Returns the Keras lookup layer for a vocabulary of integers or of strings.

    Unknown values share the first row after the padding's.

    Args:
        vocabulary: The known values.
        padding: The value that maps to row 0, or None where nothing is padded.
    """
    kind = keras.layers.StringLookup
    if vocabulary and not isinstance(vocabulary[0], str):
        kind = keras.layers.IntegerLookup
    return kind(vocabulary=list(vocabulary or _NOTHING), mask_token=padding, name="lookup")
