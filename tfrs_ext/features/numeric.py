"""A column of numbers."""

import dataclasses

from tfrs_ext.features.feature import Feature


@dataclasses.dataclass(frozen=True)
class Numeric(Feature):
    """A column `[B]` of float32 numbers, standardised by `mean` and `std` of the training rows.

    Attributes:
        mean: Of the training rows.
        std: Of the training rows.
        quantiles: Of the training rows, at even levels from the least to the greatest value; for
            `layers.QuantilePowers`.
    """

    mean: float = 0.0
    std: float = 1.0
    quantiles: tuple[float, ...] = ()
