"""Interactions that stay in their files, beside users and items in memory."""

import dataclasses

import pandas as pd

from tfrs_ext.data.load import Source, load_entities
from tfrs_ext.data.parquet.row_groups import GROUPED_BY, RowGroup, list_row_groups
from tfrs_ext.data.schema import Schema
from tfrs_ext.typing import PathLike


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ParquetInteractions:
    """Interactions in Parquet files, as `open_parquet` returns them.

    Args:
        row_groups: The pieces of the files that are read at once, in order of names.
        schema: The columns' names.
        users: The user table, or None where the users' features are columns of the interactions.
        items: The item table, or None where the items' features are columns of the interactions.
    """

    row_groups: tuple[RowGroup, ...]
    schema: Schema
    users: pd.DataFrame | None = None
    items: pd.DataFrame | None = None

    def __repr__(self) -> str:
        return (
            f"ParquetInteractions({self.num_rows:,} interactions in {len(self.row_groups):,} row "
            "groups)"
        )

    @property
    def num_rows(self) -> int:
        """The number of interactions."""
        return sum(group.num_rows for group in self.row_groups)

    @property
    def is_grouped_by_user(self) -> bool:
        """Whether each user's rows lie in one row group, in order of time: there are histories."""
        wanted = self.schema.user_id.encode()
        metadata = (group.columns.metadata or {} for group in self.row_groups)
        return all(found.get(GROUPED_BY) == wanted for found in metadata)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the interactions that are read."""
        schema = self.schema
        named = [schema.user_id, schema.item_id]
        named += [n for n in (schema.timestamp, schema.weight, schema.label) if n is not None]
        named += [*schema.context_features]
        named += [] if self.users is not None else [*schema.user_features]
        named += [] if self.items is not None else [*schema.item_features]
        return tuple(dict.fromkeys(named))


def open_parquet(
    interactions: PathLike,
    users: Source | None = None,
    items: Source | None = None,
    schema: Schema | None = None,
) -> ParquetInteractions:
    """Opens interactions that are larger than memory, of which only the files' ends are read.

    Rows are checked when they are read. None is left out: rows that occur twice count twice, and
    a user or an item without a row in its table has the value `unknown` of each feature.

    Args:
        interactions: A Parquet file, or a folder of them.
        users: The user table, a frame or a path; None where the users' features are columns of the
            interactions.
        items: The item table, a frame or a path; None where the items' features are columns of the
            interactions.
        schema: The columns' names; None for those of `Schema()`. Names of events and impressions
            are not read.

    Returns:
        What `scan_parquet`, `group_parquet_by_user` and `parquet_dataset` take.

    Raises:
        FileNotFoundError: There are no such files.
        ValueError: A file isn't a whole Parquet file or lacks a column, or a table is wrong.

    Relations:
        `load_frames` reads all into memory, which is simpler, and puts rows in order of time.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> log = pd.DataFrame({"user_id": [1, 1], "item_id": [5, 7], "timestamp": [10, 20]})
        >>> log.to_parquet(f"{folder}/part-0.parquet")
        >>> open_parquet(folder)
        ParquetInteractions(2 interactions in 1 row groups)
    """
    schema = schema or Schema()
    tables = {}
    for where, source in (("users", users), ("items", items)):
        if source is not None:
            tables[where], _ = load_entities(source, schema, where)
    wanted = ParquetInteractions((), schema, **tables).columns
    return ParquetInteractions(list_row_groups(interactions, wanted), schema, **tables)
