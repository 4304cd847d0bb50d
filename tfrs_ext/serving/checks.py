"""Checks of the tables that exports take."""

from collections.abc import Mapping

from tfrs_ext.typing import Columns


def check_columns(argument: str, columns: Columns | None) -> Columns:
    """Returns `columns`; raises ValueError where they don't map names to arrays."""
    if not isinstance(columns, Mapping):
        raise ValueError(
            f"`{argument}` must map the names of columns to their values, such as "
            f'{{"user_id": [1, 2]}}, received {type(columns).__name__}.'
        )
    return columns


def check_table(argument: str, columns: Columns, id_column: str) -> None:
    """Raises ValueError where `columns` aren't named or the column of the ids is missing."""
    check_columns(argument, columns)
    if id_column not in columns:
        raise ValueError(
            f"`{argument}` must hold the ids, column {id_column!r}, received {list(columns)}."
        )
