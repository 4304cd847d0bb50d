"""Checks and conversions of single columns, each with an error that says how to mend the table."""

from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext.data.schema import Kind

_MILLISECONDS_FROM = 100_000_000_000  # As seconds, this is the year 5138.


def require_columns(table: pd.DataFrame, columns: list[str], where: str) -> None:
    """Raises ValueError unless the table has the columns, each once."""
    for column in columns:
        count = list(table.columns).count(column)
        if count != 1:
            raise ValueError(
                f"{where} must have one column {column!r}, received {count} among the columns "
                f"{list(table.columns)}. Rename the column, or name yours in the `Schema`."
            )


def as_ids(column: "pd.Series[Any]", where: str) -> "pd.Series[Any]":
    """Returns ids as int64 or strings.

    Raises:
        ValueError: If an id is missing, empty or negative, or the ids are of mixed types.
    """
    name = f"{where}[{column.name!r}]"
    column = _without_categories(column)
    if column.isna().any():
        raise ValueError(
            f"{name} must have an id in every row, received {int(column.isna().sum()):,} missing, "
            f"the first in row {_first_row(column.isna())}. Drop these rows: "
            f"`{where}.dropna(subset=[{column.name!r}])`."
        )
    if pd.api.types.is_bool_dtype(column):
        raise ValueError(f"{name} must hold integers or strings, received booleans.")
    if pd.api.types.is_numeric_dtype(column):
        return _integers(column, name)
    strings = column.map(lambda value: isinstance(value, str))
    if not strings.all():
        example = first(column, ~strings)
        raise ValueError(
            f"{name} must hold either integers or strings, received {example!r} of "
            f"{type(example).__name__}. Convert it: `{where}[{column.name!r}].astype(str)`."
        )
    if (column == "").any():
        raise ValueError(
            f"{name} must not be empty, received '' in row {_first_row(column == '')}; the empty "
            "string marks padding. Drop these rows or give them an id."
        )
    return column.astype(object)


def as_times(column: "pd.Series[Any]", where: str) -> "pd.Series[Any]":
    """Returns times as whole seconds since 1970, `Int64` with missing values.

    Takes numbers of seconds, datetimes (UTC where they name no zone) and what
    `pandas.to_datetime` reads.

    Raises:
        ValueError: If a time can't be read, is before 1970, or looks like milliseconds.
    """
    name = f"{where}[{column.name!r}]"
    seconds = _seconds(column, name)
    if (seconds < 0).any():
        raise ValueError(
            f"{name} must not be before 1970, received {first(column, seconds < 0)!r} in row "
            f"{_first_row(seconds < 0)}. Correct the column or drop these rows."
        )
    return seconds


def as_feature(column: "pd.Series[Any]", kind: Kind, where: str) -> "pd.Series[Any]":
    """Returns a feature's column converted to its kind; missing values stay missing.

    Raises:
        ValueError: If a value doesn't fit the kind.
    """
    column = _without_categories(column)
    if kind == "timestamp":
        # A feature may lie before 1970, such as the year of a film; an interaction can't.
        return _seconds(column, f"{where}[{column.name!r}]")
    if kind == "numeric":
        return as_numbers(column, f"{where}[{column.name!r}]")
    if kind == "text" or not pd.api.types.is_numeric_dtype(column):
        return column.astype(object).map(str, na_action="ignore").astype(object)
    return _whole(column, f"{where}[{column.name!r}]")


def as_numbers(column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    """Returns a column of finite float64, with NaN where a value is missing.

    Raises:
        ValueError: If a value is no number, or infinite.
    """
    values = pd.to_numeric(column, errors="coerce").astype("float64")
    wrong = (values.isna() & column.notna()) | np.isinf(values)
    if wrong.any():
        raise ValueError(
            f"{name} must hold finite numbers, received "
            f"{first(column, wrong)!r} in row {_first_row(wrong)}. Correct it or leave it empty."
        )
    return values


def first(column: "pd.Series[Any]", mask: "pd.Series[Any]") -> Any:
    """Returns the first marked value as a plain Python object, for a message."""
    value = column.iloc[_first_row(mask)]
    return value.item() if isinstance(value, np.generic) else value


def _integers(column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    whole = _whole(column, name).astype("int64")
    if (whole < 0).any():
        raise ValueError(
            f"{name} must not be negative, received {first(whole, whole < 0)} in row "
            f"{_first_row(whole < 0)}; -1 marks padding. Shift the ids or turn them into strings."
        )
    return whole


def _whole(column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    wrong = (column % 1 != 0) & column.notna() if column.dtype.kind == "f" else column != column
    if wrong.any():
        raise ValueError(
            f"{name} must hold whole numbers or strings, received {first(column, wrong)!r} in "
            f"row {_first_row(wrong)}. Round the column, or turn it into strings."
        )
    return column.astype("Int64")


def _seconds(column: "pd.Series[Any]", name: str) -> "pd.Series[Any]":
    if pd.api.types.is_numeric_dtype(column):
        seconds = np.floor(as_numbers(column, name)).astype("Int64")
        late = seconds >= _MILLISECONDS_FROM
        if late.any():
            raise ValueError(
                f"{name} must be in seconds, not milliseconds, received {first(column, late)!r} "
                f"in row {_first_row(late)}. Divide the column by 1,000."
            )
        return seconds
    moments = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    unread = moments.isna() & column.notna()
    if unread.any():
        raise ValueError(
            f"{name} must hold seconds since 1970, datetimes or ISO 8601 texts, received "
            f"{first(column, unread)!r} in row {_first_row(unread)}. Convert it with "
            "`pandas.to_datetime`."
        )
    whole = moments.dt.tz_localize(None).astype("datetime64[s]").astype("int64")
    return whole.astype("Int64").mask(moments.isna())


def _without_categories(column: "pd.Series[Any]") -> "pd.Series[Any]":
    categorical = isinstance(column.dtype, pd.CategoricalDtype)
    return column.astype(column.cat.categories.dtype) if categorical else column


def _first_row(mask: "pd.Series[Any]") -> int:
    return int(np.flatnonzero(mask.fillna(False).to_numpy(bool))[0])
