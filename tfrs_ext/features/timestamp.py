"""A column of moments."""

import dataclasses
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext.features.cells import check_cells
from tfrs_ext.features.column_encoder import ColumnEncoder
from tfrs_ext.features.feature import Feature
from tfrs_ext.features.numeric import Numeric

_DAY = 86_400
_WEEK = 7 * _DAY
_MILLISECONDS_FROM = 100_000_000_000  # As seconds, this is the year 5138.


@dataclasses.dataclass(frozen=True)
class Timestamp(Feature):
    """A column `[B]` of int64 Unix seconds.

    Args:
        name: The column.
        minimum: The earliest second of the training rows.
        maximum: The latest second of the training rows.

    Raises:
        ValueError: `minimum` is above `maximum`.
    """

    kind: ClassVar[str] = "timestamp"
    minimum: int = 0
    maximum: int = 1

    def __post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ValueError(
                f"The feature {self.name!r} must have a `minimum` up to its `maximum`, received "
                f"{self.minimum} and {self.maximum}."
            )

    @classmethod
    def convert(cls, column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
        """Returns whole seconds since 1970, `Int64`.

        Takes numbers of seconds, datetimes (UTC where they name no zone) and ISO 8601 texts.
        """
        if pd.api.types.is_numeric_dtype(column):
            return _check_seconds(column, name)
        moments = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
        check_cells(
            column,
            moments.isna() & column.notna(),
            f"{name} must hold seconds since 1970, datetimes or ISO 8601 texts",
            "Convert it with `pandas.to_datetime`.",
        )
        whole = moments.dt.tz_localize(None).astype("datetime64[s]").astype("int64")
        return whole.astype("Int64").mask(moments.isna())

    @classmethod
    def fit(cls, name: str, column: "pd.Series[Any]") -> "Timestamp":
        """Takes the range of what is present."""
        present = column.dropna().to_numpy(np.int64)
        if not len(present):
            return cls(name)
        low = int(present.min())
        return cls(name, minimum=low, maximum=max(low + 1, int(present.max())))

    @property
    def missing(self) -> np.int64:
        """An empty cell is the earliest second."""
        return np.int64(self.minimum)

    def encoder(self, embedding_dim: int) -> "_TimestampEncoder":
        """Returns a layer that gives the place in the range, and the phases of day and week."""
        return _TimestampEncoder(self)

    def output_width(self, embedding_dim: int) -> int:
        """Returns 5."""
        return 5


def _check_seconds(column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    seconds = np.floor(Numeric.convert(column, name)).astype("Int64")
    check_cells(
        column,
        seconds >= _MILLISECONDS_FROM,
        f"{name} must be in seconds, not milliseconds",
        "Divide the column by 1,000.",
    )
    return seconds


class _TimestampEncoder(ColumnEncoder):
    def call(self, values: tf.Tensor) -> tf.Tensor:
        # Seconds since 1970 exceed what float32 can tell apart: subtract and reduce in int64.
        seconds = tf.cast(values, tf.int64)
        low, high = self.feature.minimum, self.feature.maximum
        age = tf.cast(seconds - low, tf.float32) / float(max(high - low, 1))
        parts = [tf.clip_by_value(age, 0.0, 1.0)]
        for period in (_DAY, _WEEK):
            phase = tf.cast(tf.math.floormod(seconds, period), tf.float32) * (6.2831853 / period)
            parts += [tf.sin(phase), tf.cos(phase)]
        return tf.cast(tf.stack(parts, axis=1), self.compute_dtype)
