"""Errors about single cells of a table."""

from typing import Any

import numpy as np
import pandas as pd


def check_cells(column: "pd.Series[Any]", wrong: "pd.Series[Any]", wanted: str, mend: str) -> None:
    """Raises ValueError where a cell is wrong, with the first such value and its row.

    The message is "`{wanted}`, received {value} in row {row}. {mend}".

    Args:
        column: The column as it came.
        wrong: A boolean column that marks the wrong cells.
        wanted: What a cell must be, a sentence that begins with the column's name.
        mend: A sentence that says how to mend the table.
    """
    marked = np.flatnonzero(wrong.fillna(False).to_numpy(bool))
    if len(marked):
        more = f" and in {len(marked) - 1:,} more" if len(marked) > 1 else ""
        value = _plain(column.iloc[marked[0]])
        raise ValueError(f"{wanted}, received {value!r} in row {marked[0]}{more}. {mend}")


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def holds_lists(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Returns for each cell whether it holds several values."""
    kinds = (list, tuple, set, np.ndarray)
    found = [column.dtype == object and isinstance(cell, kinds) for cell in column]
    return pd.Series(found, column.index, dtype=bool)
