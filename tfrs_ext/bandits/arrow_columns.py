"""Columns of an Arrow table as arrays."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tfrs_ext.bandits.rounds import Floats, Integers

UNKNOWN = -1
"""The position of an arm that isn't known, or not named."""


def read_lists(table: pa.Table, name: str) -> tuple[Integers, pa.Array]:
    """Returns the lengths of a column's lists, 0 where there is none, and all their entries."""
    column = flatten(table, name)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        if column.null_count == len(column):
            return np.zeros(len(column), np.int64), pa.array([], pa.string())
        raise ValueError(
            f"`log` must hold lists in column {name!r}, one entry for each eligible arm, received "
            f"{column.type}."
        )
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64), column.flatten()


def read_codes(names: pa.Array, arms: pa.Array) -> Integers:
    """Returns the positions of named arms among all, or `UNKNOWN`."""
    if pa.types.is_dictionary(names.type):
        names = names.dictionary_decode()
    found = pc.index_in(pc.cast(names, pa.string()), value_set=arms)
    return pc.fill_null(found, UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)


def read_users(table: pa.Table) -> npt.NDArray[np.generic] | None:
    """Returns the ids of users, None where the log has no such column."""
    if "user_id" not in table.column_names:
        return None
    return flatten(table, "user_id").to_numpy(zero_copy_only=False)


def read_times(table: pa.Table) -> Floats | None:
    """Returns seconds, or the numbers that the log has; NaN where it has none."""
    if "time" not in table.column_names:
        return None
    column = flatten(table, "time")
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        nanoseconds = pc.cast(pc.cast(column, pa.timestamp("ns")), pa.int64())
        return to_floats(nanoseconds, "time") / 1e9
    return to_floats(column, "time")


def to_floats(values: pa.Array, name: str) -> Floats:
    """Returns numbers as float64, NaN where one is missing; `name` is the column's, for errors."""
    try:
        # Unsafe: whole numbers above 2**53, such as nanoseconds, are rounded.
        found = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"`log` must hold numbers in column {name!r}, received {values.type}: {error}"
        ) from error
    return np.asarray(found, np.float64)


def flatten(table: pa.Table, name: str) -> pa.Array:
    """Returns a column as one array."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
