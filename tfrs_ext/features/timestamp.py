"""A column of moments."""

import dataclasses

from tfrs_ext.features.feature import Feature


@dataclasses.dataclass(frozen=True)
class Timestamp(Feature):
    """A column `[B]` of int64 Unix seconds.

    Attributes:
        minimum: The earliest second of the training rows.
        maximum: The latest second of the training rows.
    """

    minimum: int = 0
    maximum: int = 1
