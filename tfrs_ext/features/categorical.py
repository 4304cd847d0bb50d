"""A column of ids or categories."""

import dataclasses

from tfrs_ext.features.feature import Feature
from tfrs_ext.typing import Vocabulary


@dataclasses.dataclass(frozen=True)
class Categorical(Feature):
    """A column `[B]` of int64 or string ids; values outside `vocabulary` share one embedding."""

    vocabulary: Vocabulary = ()
