"""Tables from files of many kinds, with ids that stay what they are."""

import json
import os
import pathlib
from typing import Any, Union

import pandas as pd

from tfrs_ext.data.packed_files import PACKED, open_bytes
from tfrs_ext.data.text_files import read_text_table
from tfrs_ext.typing import PathLike

_PACKED = {*PACKED, ".zip"}
_PARQUET = {".parquet", ".pq"}
_JSON = {".json", ".jsonl", ".ndjson"}
_TEXT = {".csv", ".tsv", ".txt", ".dat", ".data", ".inter", ".item", ".user"}
_INTEGER = r"(?:0|[1-9][0-9]{0,17})"
_WHOLE = r"(?:0|[1-9][0-9]{0,14})\.0+"


def read_table(
    source: Union[pd.DataFrame, PathLike],
    id_columns: tuple[str, ...],
    names: tuple[str, ...] = (),
) -> tuple[pd.DataFrame, list[str]]:
    """Returns a frame as it is, or reads the file of a path, or all files of a folder.

    Read are Parquet, JSON and JSON Lines, and text with a separator: `.csv`, `.tsv`, MovieLens's
    `.dat` and `.data`, RecBole's `.inter`, `.item` and `.user`, also compressed. The separator,
    the encoding, and whether there is a header are found out.

    Args:
        source: A frame, or the path of a file or of a folder of parts.
        id_columns: Columns of ids. A text file doesn't say whether `007` is a number: a column is
            read as int64 if each of its ids is written as a whole number would be, else as
            strings. No id but an empty one is missing: an artist may be called "NA".
        names: The columns' names where a file has no header, in their order.

    Returns:
        The table, and what was assumed that isn't usual, a sentence each.

    Raises:
        ValueError: If the file's name ends otherwise, or `source` is neither frame nor path.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(source, pd.DataFrame):
        return source, []
    if not isinstance(source, str | os.PathLike):
        raise ValueError(
            f"A table must be a pandas frame or a path, received {type(source).__name__}."
        )
    path = pathlib.Path(source)
    if not path.exists():
        raise FileNotFoundError(f"There is no table at {path}.")
    if not path.is_dir():
        return _read_file(path, id_columns, names)
    parts = sorted(p for p in path.rglob("*") if p.is_file() and p.name[0] not in "._")
    if not parts:
        raise ValueError(f"A folder of a table must hold files, received {path} without any.")
    if all(_kind(part) in _PARQUET for part in parts):
        return pd.read_parquet(path), []  # With the columns that folders' names give.
    read = [_read_file(part, id_columns, names) for part in parts]
    table = pd.concat([part for part, _ in read], ignore_index=True)
    notes = dict.fromkeys(note for _, found in read for note in found)
    return table, [f"Put the {len(parts):,} files in {path.name} together.", *notes]


def _kind(path: pathlib.Path) -> str:
    """Returns the ending that says what is in a file, less that of its compression."""
    endings = [ending.lower() for ending in path.suffixes]
    return next((ending for ending in reversed(endings) if ending not in _PACKED), "")


def _read_file(
    path: pathlib.Path, id_columns: tuple[str, ...], names: tuple[str, ...]
) -> tuple[pd.DataFrame, list[str]]:
    kind = _kind(path)
    if kind in _PARQUET:
        return pd.read_parquet(path), []
    if kind in _JSON:
        return _read_json(path), []
    if kind not in _TEXT:
        raise ValueError(
            f"A table must be Parquet ({', '.join(sorted(_PARQUET))}), JSON "
            f"({', '.join(sorted(_JSON))}) or text ({', '.join(sorted(_TEXT))}), received "
            f"{path.name!r}. Read it with pandas and pass the frame."
        )
    table, notes = read_text_table(path, id_columns, names)
    found = [name for name in id_columns if name in table.columns]
    return table.assign(**{name: _as_written(table[name]) for name in found}), notes


def _read_json(path: pathlib.Path) -> pd.DataFrame:
    with open_bytes(path) as stream:
        text = stream.read()
    try:
        # One array of objects, or an object a line.
        is_array = text.lstrip()[:1] == b"["
        lines = text.splitlines()
        return pd.DataFrame(
            json.loads(text) if is_array else [json.loads(line) for line in lines if line.strip()]
        )
    except ValueError as error:
        raise ValueError(
            f"{path.name} must hold a JSON object a line, or one JSON array of objects, received "
            f"what can't be read as such ({error}). Convert it, or pass a pandas frame."
        ) from error


def _as_written(column: "pd.Series[Any]") -> "pd.Series[Any]":
    # Programs that read integers with an empty cell among them write 1.0 for 1.
    whole = column.notna().all() and column.str.fullmatch(f"{_INTEGER}|{_WHOLE}").all()
    if not whole:
        return column
    return column.str.replace(r"\.0+$", "", regex=True).astype("int64")
