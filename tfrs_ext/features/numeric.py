"""A column of numbers."""

import dataclasses
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext.features.cells import check_cells
from tfrs_ext.features.column_encoder import ColumnEncoder
from tfrs_ext.features.feature import Feature

_QUANTILES = 101


@dataclasses.dataclass(frozen=True)
class Numeric(Feature):
    """A column `[B]` of float32 numbers, standardised by `mean` and `std` of the training rows.

    NaN counts as the mean, or is refused, by choice.

    Args:
        name: The column.
        mean: The mean of the training rows.
        std: The standard deviation of the training rows.
        quantiles: Quantiles of the training rows, at even levels from the least to the greatest
            value, for `layers.QuantilePowers`.
        required: Whether every row must have a number: an empty cell is an error when a table is
            read, and NaN in a batch is one in training, evaluation and serving.

    Raises:
        ValueError: `mean` isn't finite, or `std` isn't positive.
    """

    kind: ClassVar[str] = "numeric"
    mean: float = 0.0
    std: float = 1.0
    quantiles: tuple[float, ...] = ()
    required: bool = False

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
    def fit(cls, name: str, column: "pd.Series[Any]", required: bool = False) -> "Numeric":
        """Takes mean, standard deviation and percentiles of what is present."""
        values = column.dropna().to_numpy(np.float64)
        if required:
            _check_whole(name, column)
        if not len(values):
            return cls(name, required=required)
        quantiles = np.quantile(values, np.linspace(0, 1, _QUANTILES))
        return cls(
            name,
            mean=float(values.mean()),
            std=float(values.std()) or 1.0,
            quantiles=tuple(quantiles.tolist()),
            required=required,
        )

    def to_array(self, column: "pd.Series[Any]") -> npt.NDArray[Any]:
        """Returns float32, with the mean in empty cells.

        Raises:
            ValueError: A cell is empty where the column is `required`.
        """
        if self.required:
            _check_whole(self.name, column)
        return super().to_array(column)

    @property
    def missing(self) -> np.float32:
        """An empty cell is the mean."""
        return np.float32(self.mean)

    def fill(self, column: tf.Tensor) -> tf.Tensor:
        """Returns a column of a batch with the mean for NaN.

        Raises:
            InvalidArgumentError: There is NaN, and the column is `required`.
        """
        if not self.required:
            return super().fill(column)
        message = f"the required column {self.name!r} must hold finite numbers"
        return tf.debugging.check_numerics(column, message)

    def encoder(self, embedding_dim: int) -> "_NumericEncoder":
        """Returns a layer that standardises."""
        return _NumericEncoder(self)

    def output_width(self, embedding_dim: int) -> int:
        """Returns 1."""
        return 1


def _check_whole(name: str, column: "pd.Series[Any]") -> None:
    check_cells(
        column,
        column.isna(),
        f"the required column {name!r} must have a number in every row",
        "Fill it in, or leave `required` out: an empty cell is the mean then.",
    )


class _NumericEncoder(ColumnEncoder):
    def call(self, values: tf.Tensor) -> tf.Tensor:
        standardised = (tf.cast(values, tf.float32) - self.feature.mean) / self.feature.std
        known = tf.where(tf.math.is_nan(standardised), 0.0, standardised)
        return tf.cast(known, self.compute_dtype)[:, tf.newaxis]
