"""Tables from CSV and Parquet files, with ids that stay what they are."""

import os
import pathlib
from typing import Any, Union

import pandas as pd

_INTEGER = r"0|[1-9][0-9]{0,17}"


def read_table(
    source: Union[pd.DataFrame, str, "os.PathLike[str]"], id_columns: tuple[str, ...]
) -> pd.DataFrame:
    """Returns a frame as it is, or reads the file of a path.

    Args:
        source: A frame, or the path of a `.parquet`, `.csv` or `.tsv` file (the latter two also
            compressed, as in `.csv.gz`).
        id_columns: Columns of ids. A CSV file doesn't say whether `007` is a number: a column is
            read as int64 if each of its ids is written as int64 would be, else as strings.

    Raises:
        ValueError: If the file's name ends otherwise, or `source` is neither frame nor path.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(source, pd.DataFrame):
        return source
    if not isinstance(source, str | os.PathLike):
        raise ValueError(
            f"A table must be a pandas frame or a path, received {type(source).__name__}."
        )
    path = pathlib.Path(source)
    if not path.exists():
        raise FileNotFoundError(f"There is no table at {path}.")
    if path.suffix in (".parquet", ".pq"):
        return pd.read_parquet(path)
    if not {".csv", ".tsv"} & set(path.suffixes):
        raise ValueError(
            f"A table must be a .parquet, .csv or .tsv file, received {path.name!r}. Read it with "
            "pandas and pass the frame."
        )
    separator = "\t" if ".tsv" in path.suffixes else ","
    dtypes: Any = dict.fromkeys(id_columns, str)
    table = pd.read_csv(path, sep=separator, dtype=dtypes)
    found = [name for name in id_columns if name in table.columns]
    return table.assign(**{name: _as_written(table[name]) for name in found})


def _as_written(column: "pd.Series[Any]") -> "pd.Series[Any]":
    integers = column.notna().all() and column.str.fullmatch(_INTEGER).all()
    return column.astype("int64") if integers else column
