"""A column of numbers."""

import dataclasses
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext.features.cells import check_cells
from tfrs_ext.features.column_encoder import ColumnEncoder
from tfrs_ext.features.feature import Feature

_QUANTILES = 101


@dataclasses.dataclass(frozen=True)
class Numeric(Feature):
    """A column `[B]` of float32 numbers, standardised by `mean` and `std` of the training rows.

    NaN counts as the mean.

    Args:
        name: The column.
        mean: The mean of the training rows.
        std: The standard deviation of the training rows.
        quantiles: Quantiles of the training rows, at even levels from the least to the greatest
            value, for `layers.QuantilePowers`.

    Raises:
        ValueError: `mean` isn't finite, or `std` isn't positive.
    """

    kind: ClassVar[str] = "numeric"
    mean: float = 0.0
    std: float = 1.0
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        are_numbers = isinstance(self.mean, Real) and isinstance(self.std, Real)
        if not (are_numbers and 0 < self.std < np.inf and np.isfinite(self.mean)):
            raise ValueError(
                f"The feature {self.name!r} must have a finite `mean` and a positive `std`, "
                f"received mean={self.mean!r} and std={self.std!r}. A constant column has std=1."
            )

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Returns finite float64, with NaN where a value is missing."""
        values = pd.to_numeric(column, errors="coerce").astype("float64")
        wrong = (values.isna() & column.notna()) | np.isinf(values)
        wanted = f"{name} must hold finite numbers"
        check_cells(column, wrong, wanted, "Correct it or leave it empty.")
        return values

    @classmethod
    def fit(cls, name: str, column: "pd.Series[Any]") -> "Numeric":
        """Takes mean, standard deviation and percentiles of what is present."""
        values = column.dropna().to_numpy(np.float64)
        if not len(values):
            return cls(name)
        quantiles = np.quantile(values, np.linspace(0, 1, _QUANTILES))
        return cls(
            name,
            mean=float(values.mean()),
            std=float(values.std()) or 1.0,
            quantiles=tuple(quantiles.tolist()),
        )

    @property
    def missing(self) -> np.float32:
        """An empty cell is the mean."""
        return np.float32(self.mean)

    def encoder(self, embedding_dim: int) -> "_NumericEncoder":
        """Returns a layer that standardises."""
        return _NumericEncoder(self)

    def output_width(self, embedding_dim: int) -> int:
        """Returns 1."""
        return 1


class _NumericEncoder(ColumnEncoder):
    def call(self, values: tf.Tensor) -> tf.Tensor:
        standardised = (tf.cast(values, tf.float32) - self.feature.mean) / self.feature.std
        known = tf.where(tf.math.is_nan(standardised), 0.0, standardised)
        return tf.cast(known, self.compute_dtype)[:, tf.newaxis]
