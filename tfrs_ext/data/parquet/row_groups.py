"""The row groups of Parquet files: what is read at once, and what an error names."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from tfrs_ext.typing import PathLike

GROUPED_BY = b"tfrs_ext.grouped_by"
"""The key, in the metadata of a file's schema, of the column whose equal values lie together."""

# Where the writer has kept a checksum of a page, a flipped bit is found instead of read.
_CHECKING = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)


@dataclasses.dataclass(frozen=True)
class RowGroup:
    """One row group of one file.

    Args:
        fragment: The row group, as pyarrow knows it.
        columns: The schema of the whole folder, with the columns that folders' names give.
        path: The file.
        number: The place of the row group in its file, from 0.
        num_rows: The number of its rows.
    """

    fragment: Any
    columns: pa.Schema
    path: str
    number: int
    num_rows: int

    @property
    def name(self) -> str:
        """What an error calls it."""
        return f"{self.path}, row group {self.number}"

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Returns some columns of its rows.

        Args:
            columns: The names of the columns.

        Raises:
            ValueError: The file can't be read there; the message names file and row group.
        """
        try:
            return self.fragment.to_table(schema=self.columns, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise ValueError(
                f"{self.name}, must be readable, received damaged data ({_first_line(error)}). "
                "Write the file again, or move it out of the folder."
            ) from error


def list_row_groups(path: PathLike, columns: Sequence[str]) -> tuple[RowGroup, ...]:
    """Returns the row groups of a file or of all Parquet files of a folder, in order of names.

    Only the ends of the files are read, where their row groups are listed.

    Args:
        path: A file, or a folder of files; names such as `day=2026-01-31` of folders inside give
            columns.
        columns: The columns that every file must have.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There are no rows, a file isn't a whole Parquet file, or lacks a column.
    """
    files = _files(pathlib.Path(path))
    groups = []
    for file in files:
        groups += _groups_of(file, pathlib.Path(path), columns)
    if not groups:
        raise ValueError(f"Interactions must have at least one row, received none in {path}.")
    return tuple(groups)


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    if not path.exists():
        raise FileNotFoundError(f"There are no interactions at {path}.")
    if path.is_file():
        return [path]
    found = sorted(p for ending in ("parquet", "pq") for p in path.rglob(f"*.{ending}"))
    # A job that is writing marks its files and folders so.
    files = [f for f in found if not any(n[0] in "._" for n in f.relative_to(path).parts)]
    if not files:
        raise ValueError(
            f"A folder of interactions must hold files that end in .parquet or .pq, received "
            f"{path} without any."
        )
    return files


def _groups_of(file: pathlib.Path, folder: pathlib.Path, columns: Sequence[str]) -> list[RowGroup]:
    try:
        dataset = ds.dataset(
            os.fspath(file),
            format=_CHECKING,
            partitioning="hive",
            partition_base_dir=os.fspath(folder if folder.is_dir() else folder.parent),
        )
        fragments = [part for f in dataset.get_fragments() for part in f.split_by_row_group()]
    except (pa.ArrowException, OSError) as error:
        raise ValueError(
            f"{file} must be a whole Parquet file, received one whose end can't be read "
            f"({_first_line(error)}). It may have been cut off: write it again, or move it out "
            "of the folder."
        ) from error
    missing = [name for name in columns if name not in dataset.schema.names]
    if missing:
        raise ValueError(
            f"{file} must have the columns {list(columns)}, received {dataset.schema.names} "
            f"without {missing}. Rename the columns, or name yours in the `Schema`."
        )
    infos = [(part, part.row_groups[0]) for part in fragments]
    return [
        RowGroup(part, dataset.schema, str(file), info.id, info.num_rows)
        for part, info in infos
        if info.num_rows
    ]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
