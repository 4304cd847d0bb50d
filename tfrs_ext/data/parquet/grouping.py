"""Interactions sorted by user and time on disk, at bounded memory."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tfrs_ext.data.parquet.columns import read_ids, read_times
from tfrs_ext.data.parquet.interactions import ParquetInteractions
from tfrs_ext.data.parquet.row_groups import GROUPED_BY, RowGroup, list_row_groups
from tfrs_ext.data.parquet.window import starts_of_users
from tfrs_ext.files import hold_folder
from tfrs_ext.typing import PathLike


def group_parquet_by_user(
    interactions: ParquetInteractions,
    folder: PathLike,
    *,
    rows_per_file: int = 4_000_000,
    rows_per_group: int = 65_536,
) -> ParquetInteractions:
    """Writes interactions anew, so that each user's rows lie in one row group, in order of time.

    Two passes: the rows are dealt into files by a hash of the user, then each file is sorted in
    memory. `parquet_dataset` makes histories of what it writes.

    Args:
        interactions: What `open_parquet` has opened. Only the columns that the schema names are
            written.
        folder: An empty or a new folder. It gets its files all at once; until then they are in a
            hidden folder beside it, which a second call after a kill writes anew.
        rows_per_file: About how many rows are in memory at once.
        rows_per_group: How many rows a row group has at least. Larger ones are read faster,
            smaller ones are shuffled better.

    Returns:
        The interactions in the folder, with the same users and items.

    Raises:
        ValueError: If the folder holds files, `rows_per_file` or `rows_per_group` is below 1, or a
            row group can't be read.
        RuntimeError: Another process is writing this folder.

    Example:
        >>> import tempfile
        >>> from tfrs_ext.data import open_parquet
        >>> log = pd.DataFrame({"user_id": [2, 1, 2], "item_id": [5, 7, 9], "timestamp": [3, 1, 2]})
        >>> path = f"{tempfile.mkdtemp()}/log.parquet"
        >>> log.to_parquet(path)
        >>> grouped = group_parquet_by_user(open_parquet(path), tempfile.mkdtemp())
        >>> [group.read(["user_id", "item_id"]).to_pydict() for group in grouped.row_groups]
        [{'user_id': [1, 2, 2], 'item_id': [7, 9, 5]}]
    """
    for name, rows in (("rows_per_file", rows_per_file), ("rows_per_group", rows_per_group)):
        if rows < 1:
            raise ValueError(f"`{name}` must be at least 1, received {name}={rows}.")
    target = pathlib.Path(folder)
    _check_target(target)
    # Beside the folder, which one rename fills at once: half of it would be read as the whole.
    unfinished = target.with_name(f".{target.name}-unfinished")
    with hold_folder(unfinished):
        dealt, written = unfinished / "dealt", unfinished / "written"
        for path in (dealt, written):
            shutil.rmtree(path, ignore_errors=True)  # What a killed call left.
            path.mkdir()
        num_files = -(-interactions.num_rows // rows_per_file)
        paths = [dealt / f"{number}.parquet" for number in range(num_files)]
        _deal(interactions, paths)
        for number, path in enumerate(paths):
            if path.exists():
                table = _sort(interactions, path)
                part = written / f"part-{number:05d}.parquet"
                _write(table, part, interactions.schema.user_id, rows_per_group)
                path.unlink()
        written.replace(target)
        shutil.rmtree(unfinished)
    groups = list_row_groups(target, interactions.columns)
    return ParquetInteractions(groups, interactions.schema, interactions.users, interactions.items)


def _check_target(target: pathlib.Path) -> None:
    if target.exists() and any(target.iterdir()):
        raise ValueError(f"`folder` must be empty, received {target} with files in it.")
    if os.path.ismount(target):
        raise ValueError(
            f"`folder` must be filled by one rename, received {target}, where a disk is mounted: "
            "name a folder in it."
        )


def _deal(interactions: ParquetInteractions, paths: Sequence[pathlib.Path]) -> None:
    """Writes each row into the file of its user."""
    with contextlib.ExitStack() as stack:
        writers: dict[int, pq.ParquetWriter] = {}
        columns = None
        for group in interactions.row_groups:
            table = _read(interactions, group)
            columns = columns or table.schema
            users = table.column(interactions.schema.user_id).to_numpy()
            for number, rows in _rows_by_file(users, len(paths)):
                if number not in writers:
                    writers[number] = stack.enter_context(pq.ParquetWriter(paths[number], columns))
                writers[number].write_table(table.take(rows).cast(columns))


def _read(interactions: ParquetInteractions, group: RowGroup) -> pa.Table:
    """Returns a row group with ids as int64 or strings, and times in seconds."""
    schema, where = interactions.schema, f"{group.name}: interactions"
    table = group.read(interactions.columns)
    changed = {name: read_ids(table, name, where) for name in (schema.user_id, schema.item_id)}
    if schema.timestamp is not None:
        changed[schema.timestamp] = read_times(table, schema.timestamp, where)
    for name, values in changed.items():
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values))
    return table.replace_schema_metadata({GROUPED_BY: schema.user_id.encode()})


def _rows_by_file(
    users: npt.NDArray[Any], num_files: int
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Yields the numbers of files, and the rows whose users belong there, in their order."""
    numbers = pd.util.hash_array(users, categorize=False) % np.uint64(num_files)
    order = np.argsort(numbers, kind="stable")
    found, begins = np.unique(numbers[order], return_index=True)
    for number, rows in zip(found.tolist(), np.split(order, begins[1:]), strict=True):
        yield int(number), rows


def _sort(interactions: ParquetInteractions, path: pathlib.Path) -> pa.Table:
    """Returns the rows of a file by user, then by time, then in the order in which they came."""
    schema, table = interactions.schema, pq.read_table(path, memory_map=True)
    # Users in a random order: those of one row group have nothing in common.
    users = pd.util.hash_array(table.column(schema.user_id).to_numpy(), categorize=False)
    keys = [users]
    if schema.timestamp is not None:
        keys.insert(0, table.column(schema.timestamp).to_numpy())
    return table.take(np.lexsort(keys))


def _write(table: pa.Table, path: pathlib.Path, user_id: str, rows_per_group: int) -> None:
    """Writes row groups that begin where a user begins."""
    starts = np.unique(starts_of_users(table.column(user_id).to_numpy()))
    with pq.ParquetWriter(path, table.schema, write_page_checksum=True) as writer:
        begin = 0
        while begin < table.num_rows:
            after = np.searchsorted(starts, begin + rows_per_group)
            end = int(starts[after]) if after < len(starts) else table.num_rows
            writer.write_table(table.slice(begin, end - begin), row_group_size=end - begin)
            begin = end
