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
_LATEST = 1e11  # As seconds, this is the year 5138.


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
    numbers = Numeric.convert(column, name)
    present = numbers.dropna()
    for reading in _READINGS:
        if len(present) and reading.fits(present):
            wanted = f"{name} must be in seconds since 1970, not {reading.what}"
            check_cells(column, numbers.notna(), wanted, reading.mend)
    wanted = f"{name} must be in seconds since 1970, up to the year 5138"
    check_cells(column, numbers >= _LATEST, wanted, "Bring all rows into one unit.")
    return np.floor(numbers).astype("Int64")


@dataclasses.dataclass(frozen=True)
class _Reading:
    """What numbers may be that were meant for times, but are no seconds."""

    what: str
    mend: str
    lowest: float
    highest: float
    form: str = ""

    def fits(self, numbers: "pd.Series[float]") -> bool:
        if numbers.min() < self.lowest or numbers.max() > self.highest:
            return False
        if not self.form:
            return True
        whole = numbers[numbers % 1 == 0].astype("int64").astype(str)
        dates = pd.to_datetime(whole, format=self.form, errors="coerce")
        return len(dates) == len(numbers) and bool(dates.notna().all())


_CONVERT = "Convert the column: `pandas.to_datetime(column, {})`."
_READINGS = (
    _Reading("years", 'Make the column "numeric".', 1900, 2100),
    _Reading(
        "day numbers of a spreadsheet",
        _CONVERT.format("unit='D', origin='1899-12-30'"),
        *(25_570, 73_050),  # 1970 to 2100.
    ),
    _Reading("dates such as 20200913", _CONVERT.format("format='%Y%m%d'"), 19e6, 21.01e6, "%Y%m%d"),
    _Reading(
        "moments such as 20200913235959",
        _CONVERT.format("format='%Y%m%d%H%M%S'"),
        *(19e12, 21.01e12, "%Y%m%d%H%M%S"),
    ),
    _Reading("milliseconds", _CONVERT.format("unit='ms'"), _LATEST, 1e14),
    _Reading("microseconds", _CONVERT.format("unit='us'"), 1e14, 1e17),
    _Reading("nanoseconds", _CONVERT.format("unit='ns'"), 1e17, np.inf),
)


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
