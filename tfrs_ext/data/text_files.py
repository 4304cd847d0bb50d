"""Text files of tables: the separator, the encoding and the header are found out."""

import codecs
import csv
import io
import itertools
import pathlib
import re
from typing import Any

import pandas as pd

from tfrs_ext.data.packed_files import open_bytes

_SEPARATORS = (",", "\t", ";", "|", "::")
_USUAL = {".csv": ",", ".tsv": "\t", ".inter": "\t", ".item": "\t", ".user": "\t"}
_NAMES = {"\t": "a tab", ",": "a comma", ";": "a semicolon", "|": "a bar", "::": "two colons"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_TYPED = re.compile(r"(.+):(token|float|token_seq|float_seq)")  # RecBole's headers.
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "#N/A")
_SAMPLE = 50


def read_text_table(
    path: pathlib.Path, id_columns: tuple[str, ...], names: tuple[str, ...]
) -> tuple[pd.DataFrame, list[str]]:
    """Reads a table with a separator between its cells.

    Args:
        path: The file, also compressed.
        id_columns: Columns that are read as strings, of which the empty one alone is missing.
        names: The columns' names where the file has no header, in their order.

    Returns:
        The table, and what was assumed that isn't usual, a sentence each.
    """
    encoding = _find_encoding(path)
    with open_bytes(path) as stream, io.TextIOWrapper(stream, encoding) as lines:
        sample = [line.rstrip("\r\n") for line in itertools.islice(lines, _SAMPLE)]
    if not sample:
        raise ValueError(f"A table must have rows, received {path.name} without any.")
    usual = next((sep for end, sep in _USUAL.items() if end in path.name.lower()), None)
    separator = _find_separator(sample, id_columns, usual or ",")
    first = _split(sample[0], separator)
    header = [match[1] if (match := _TYPED.fullmatch(name)) else name for name in first]
    has_header = bool({*id_columns} & {*header}) or not all(map(_NUMBER.fullmatch, first))
    notes = []
    if not has_header:
        header = [*names, *(f"column_{i + 1}" for i in range(len(names), len(first)))][: len(first)]
        notes.append(f"{path.name} has no header: its columns were taken for {', '.join(header)}.")
    if usual is not None and separator != usual:
        notes.append(f"The columns of {path.name} stand apart by {_NAMES[separator]}.")
    if encoding == "latin-1":
        notes.append(f"{path.name} is no UTF-8: its letters were read as Latin-1.")
    missing = {name: [""] if name in id_columns else list(_MISSING) for name in header}
    options: Any = {
        "sep": separator,
        "engine": "python" if len(separator) > 1 else "c",
        "encoding": encoding,
        "header": 0 if has_header else None,
        "names": header,
        "dtype": {name: str for name in id_columns if name in header},
        "keep_default_na": False,
        "na_values": missing,
        "index_col": False,
    }
    with open_bytes(path) as stream:
        return pd.read_csv(stream, **options), notes


def _find_encoding(path: pathlib.Path) -> str:
    with open_bytes(path) as stream:
        start = stream.read(4)
        for mark, encoding in _MARKS.items():
            if start.startswith(mark):
                return encoding
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            decoder.decode(start)
            for block in iter(lambda: stream.read(1 << 20), b""):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def _find_separator(sample: list[str], id_columns: tuple[str, ...], usual: str) -> str:
    """Returns what splits the header into the ids' names, or all lines into as many cells."""
    best, most = usual, 1
    for separator in dict.fromkeys((usual, *_SEPARATORS)):
        header = [_TYPED.sub(r"\1", name) for name in _split(sample[0], separator)]
        if {*id_columns} & {*header} and len(header) > 1:
            return separator
        widths = {len(_split(line, separator)) for line in sample}
        if len(widths) == 1 and max(widths) > most:
            best, most = separator, max(widths)
    return best


def _split(line: str, separator: str) -> list[str]:
    if len(separator) > 1:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator), [""])
