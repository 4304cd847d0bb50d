"""The rows of a row group as arrays, as models read them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tfrs_ext.data.checks import as_feature, as_ids, as_numbers, as_times, as_weights
from tfrs_ext.data.columns import ids_array
from tfrs_ext.data.feature_set import FeatureSet
from tfrs_ext.data.parquet.interactions import ParquetInteractions
from tfrs_ext.data.schema import SAMPLE_WEIGHT, FeatureKind
from tfrs_ext.features import Feature

Arrays = dict[str, npt.NDArray[Any]]


def read_ids(table: pa.Table, name: str, where: str) -> npt.NDArray[Any]:
    """Returns a column of ids as int64 or strings.

    Args:
        table: Rows of the interactions.
        name: The column.
        where: What errors call the table.
    """
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    is_plain = pa.types.is_integer(column.type) and not column.null_count
    if is_plain and (not len(column) or pc.min(column).as_py() >= 0):
        return column.cast(pa.int64()).to_numpy()
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if is_text and not column.null_count and not pc.any(pc.equal(column, "")).as_py():
        return column.to_numpy()
    return ids_array(as_ids(_series(table, name), where))  # Which says what is wrong.


def read_times(table: pa.Table, name: str, where: str) -> npt.NDArray[np.int64]:
    """Returns a column of times as int64 seconds since 1970.

    Args:
        table: Rows of the interactions.
        name: The column.
        where: What errors call the table.

    Raises:
        ValueError: A time is missing or can't be read.
    """
    times = as_times(_series(table, name), where)
    if times.isna().any():
        raise ValueError(
            f"{where}[{name!r}] must have a time in every row, received "
            f"{int(times.isna().sum()):,} missing. Drop these rows, or name no `timestamp` in the "
            "`Schema`."
        )
    return times.to_numpy(np.int64)


def read_frame(table: pa.Table, kinds: Mapping[str, FeatureKind], where: str) -> pd.DataFrame:
    """Returns columns of features, each converted to its kind.

    Args:
        table: Rows of the interactions.
        kinds: The columns' kinds.
        where: What errors call the table.
    """
    return pd.DataFrame(
        {name: as_feature(_series(table, name), kind, where) for name, kind in kinds.items()},
        index=range(table.num_rows),
    )


def read_columns(
    table: pa.Table, interactions: ParquetInteractions, features: FeatureSet, where: str
) -> Arrays:
    """Returns what a batch holds of the rows themselves: ids, features, weight and label.

    Args:
        table: Rows of the interactions.
        interactions: Where they are from.
        features: The columns with their facts.
        where: What errors call the table.

    Returns:
        `{column: [N, ...]}`. Features that the user and item tables hold are not among them.
    """
    schema = interactions.schema
    found: Arrays = {
        name: read_ids(table, name, where) for name in (schema.user_id, schema.item_id)
    }
    parts = [(features.context, schema.context_features)]
    if interactions.users is None:
        parts.append((features.of_users[1:], schema.user_features))
    if interactions.items is None:
        parts.append((features.candidate[1:], schema.item_features))
    for part, kinds in parts:
        frame = read_frame(table, kinds, where)
        found |= {feature.name: _fill(feature, frame) for feature in part}
    if schema.weight is not None:
        weights = as_weights(_series(table, schema.weight), where)
        found[SAMPLE_WEIGHT] = weights.to_numpy(np.float32)
    if schema.label is not None:
        found[schema.label] = as_numbers(_series(table, schema.label), where).to_numpy(np.float32)
    return found


def _fill(feature: Feature, frame: pd.DataFrame) -> npt.NDArray[Any]:
    return feature.to_array(frame[feature.name])


def _series(table: pa.Table, name: str) -> "pd.Series[Any]":
    return pd.Series(table.column(name).to_pandas(), name=name)
