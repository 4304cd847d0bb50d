"""A column of the user's latest items."""

import dataclasses
from typing import Union

from tfrs_ext.features.feature import Feature
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class History(Feature):
    """A column `[B, L]` of the user's latest item ids, oldest first, padded on the left.

    Attributes:
        vocabulary: The item ids.
        length: `L`.
    """

    vocabulary: Vocabulary = ()
    length: int = 50

    @property
    def padding(self) -> Union[int, str]:
        """The value that stands where the history is shorter than `length`: -1 or `""`."""
        return "" if self.vocabulary and isinstance(self.vocabulary[0], str) else -1
