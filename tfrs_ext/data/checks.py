"""Checks and conversions of single columns, each with an error that says how to mend the table."""

from typing import Any

import numpy as np
import pandas as pd

from tfrs_ext.data.schema import FeatureKind, kind_and_options
from tfrs_ext.features import Categorical, Feature, Numeric, Timestamp, check_cells


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
    column = without_categories(column)
    mend = f"Drop these rows: `{where}.dropna(subset=[{column.name!r}])`."
    check_cells(column, column.isna(), f"{name} must have an id in every row", mend)
    if pd.api.types.is_bool_dtype(column):
        raise ValueError(f"{name} must hold integers or strings, received booleans.")
    if pd.api.types.is_numeric_dtype(column):
        whole = Categorical.convert(column, name).astype("int64")
        mend = "-1 marks padding: shift the ids, or turn them into strings."
        check_cells(whole, whole < 0, f"{name} must not be negative", mend)
        return whole
    check_cells(
        column,
        ~column.map(lambda value: isinstance(value, str)).astype(bool),
        f"{name} must hold either integers or strings",
        f"Convert it: `{where}[{column.name!r}].astype(str)`.",
    )
    check_cells(
        column,
        column == "",
        f"{name} must not be empty, which marks padding",
        "Drop these rows or give them an id.",
    )
    return column.astype(object)


def as_times(column: "pd.Series[Any]", where: str) -> "pd.Series[Any]":
    """Returns times as whole seconds since 1970, `Int64` with missing values.

    Raises:
        ValueError: If a time can't be read, is before 1970, or looks like milliseconds.
    """
    name = f"{where}[{column.name!r}]"
    seconds = Timestamp.convert(column, name)
    mend = "Correct the column or drop these rows."
    check_cells(column, seconds < 0, f"{name} must not be before 1970", mend)
    return seconds


def as_numbers(column: "pd.Series[Any]", where: str) -> "pd.Series[Any]":
    """Returns finite float64.

    Raises:
        ValueError: If a number is missing or can't be read.
    """
    name = f"{where}[{column.name!r}]"
    values = Numeric.convert(without_categories(column), name)
    if values.isna().any():
        raise ValueError(
            f"{name} must have a number in every row, received "
            f"{int(values.isna().sum()):,} missing. Fill or drop them."
        )
    return values


def as_weights(column: "pd.Series[Any]", where: str) -> "pd.Series[Any]":
    """Returns weights of rows, float64.

    Raises:
        ValueError: If a weight is missing, negative or can't be read.
    """
    values = as_numbers(column, where)
    if (values < 0).any():
        raise ValueError(
            f"{where}[{column.name!r}] must not be negative, received {values.min()}. Use labels "
            "for dislikes."
        )
    return values


def as_feature(column: "pd.Series[Any]", kind: FeatureKind, where: str) -> "pd.Series[Any]":
    """Returns a feature's column converted to its kind; missing values stay missing.

    Raises:
        ValueError: If a value doesn't fit the kind.
    """
    word, _ = kind_and_options(kind)
    return Feature.of_kind(word).convert(without_categories(column), f"{where}[{column.name!r}]")


def first(column: "pd.Series[Any]", mask: "pd.Series[Any]") -> Any:
    """Returns the first marked value as a plain Python object, for a message."""
    value = column.iloc[_first_row(mask)]
    return value.item() if isinstance(value, np.generic) else value


def without_categories(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Returns a column of pandas categories as a column of their values, others as they are."""
    categorical = isinstance(column.dtype, pd.CategoricalDtype)
    return column.astype(column.cat.categories.dtype) if categorical else column


def _first_row(mask: "pd.Series[Any]") -> int:
    return int(np.flatnonzero(mask.fillna(False).to_numpy(bool))[0])
