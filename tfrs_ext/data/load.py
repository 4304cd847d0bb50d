"""The way in: tables from memory or files, checked before any training."""

import warnings
from typing import Any, Union

import numpy as np
import pandas as pd

from tfrs_ext.data.checks import (
    as_feature,
    as_ids,
    as_numbers,
    as_times,
    as_weights,
    first,
    require_columns,
)
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.impressions import as_impressions
from tfrs_ext.data.schema import Schema
from tfrs_ext.data.tables import read_table
from tfrs_ext.typing import PathLike

Source = Union[pd.DataFrame, PathLike]

_LARGE_WEIGHT = 100.0


class DataWarning(UserWarning):
    """Rows were left out or values filled in while loading."""


def load_frames(
    interactions: Source,
    users: Source | None = None,
    items: Source | None = None,
    schema: Schema | None = None,
) -> Frames:
    """Loads three tables, checks them, and puts the interactions in order of time.

    Left out, counted and warned of once: rows without a time or without an event where these have
    columns, rows equal in user, item, time and event, and rows whose user or item has no row in its
    table. Without times, the weights of rows equal in user and item are summed. All else
    that is wrong is an error.

    Args:
        interactions: A frame, or the path of a file or of a folder of parts: Parquet, JSON Lines,
            CSV and other text. Columns without a header are user, item, value and time.
        users: The user table; `None` takes the users of the interactions.
        items: The item table; `None` takes the items of the interactions.
        schema: The columns' names; `None` for those of `Schema()`.

    Returns:
        The frames. Ids are int64 or strings, times int64 seconds. Among equal times rows keep
        their order.

    Raises:
        ValueError: If a column is missing, an id is missing or occurs twice in its table, a time
            can't be read or is negative, or a value doesn't fit its kind.

    Example:
        >>> log = pd.DataFrame({"user_id": [1, 1], "item_id": [5, 7], "timestamp": [20, 10]})
        >>> load_frames(log).interactions["item_id"].tolist()
        [7, 5]
    """
    schema = schema or Schema()
    id_columns = (schema.user_id, schema.item_id)
    table, notes = read_table(interactions, id_columns, _usual_columns(schema))
    rows, note = _drop_incomplete(_check_interactions(table, schema), schema)
    notes += note
    user_table, note = _entities(users, rows, schema, "users")
    notes += note
    item_table, note = _entities(items, rows, schema, "items")
    notes += note
    for table, column, where in (
        (user_table, schema.user_id, "users"),
        (item_table, schema.item_id, "items"),
    ):
        rows, note = _drop_unknown(rows, table, column, where)
        notes += note
    rows, note = _drop_duplicates(rows, schema)
    notes += [*note, *_hint_at_weights(rows, schema)]
    if not len(rows):
        raise ValueError(f"interactions must have at least one usable row, received 0. {notes}")
    if notes:
        warnings.warn(" ".join(notes), DataWarning, stacklevel=2)
    if schema.timestamp is not None:
        rows = rows.sort_values(schema.timestamp, kind="stable")
    return Frames(rows.reset_index(drop=True), user_table, item_table, schema, tuple(notes))


def _usual_columns(schema: Schema) -> tuple[str, ...]:
    """Returns the columns of a file without a header, such as MovieLens 100k's `u.data`."""
    value = schema.weight or schema.label or "rating"
    return (schema.user_id, schema.item_id, value, schema.timestamp or "timestamp")


def _check_interactions(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    where = "interactions"
    optional = (schema.timestamp, schema.weight, schema.label, schema.event, schema.impressions)
    named = [*filter(None, optional), *schema.context_features]
    named = list(dict.fromkeys([schema.user_id, schema.item_id, *named]))
    require_columns(table, named, where)
    table = table.reset_index(drop=True)
    changed = {name: as_ids(table[name], where) for name in (schema.user_id, schema.item_id)}
    if schema.timestamp is not None:
        changed[schema.timestamp] = as_times(table[schema.timestamp], where)
    if schema.label is not None:
        changed[schema.label] = as_numbers(table[schema.label], where)
    if schema.weight is not None:
        changed[schema.weight] = as_weights(table[schema.weight], where)
    if schema.impressions is not None:
        ids = changed[schema.item_id]
        changed[schema.impressions] = as_impressions(table[schema.impressions], ids, where)
    for name, kind in schema.context_features.items():
        changed[name] = as_feature(table[name], kind, where)
    return table.assign(**changed)


def _entities(
    source: Source | None, interactions: pd.DataFrame, schema: Schema, where: str
) -> tuple[pd.DataFrame, list[str]]:
    if source is not None:
        return load_entities(source, schema, where)
    column = schema.user_id if where == "users" else schema.item_id
    # Sorted, so that the numbering doesn't depend on who came first.
    known = interactions[column]
    if schema.impressions is not None and where == "items":
        shown = interactions[schema.impressions].explode().dropna()
        known = pd.concat([known, shown.astype(known.dtype)])
    return load_entities(pd.DataFrame({column: np.sort(known.unique())}), schema, where)


def load_entities(source: Source, schema: Schema, where: str) -> tuple[pd.DataFrame, list[str]]:
    """Returns the user or the item table with checked ids and features, and what was assumed.

    Args:
        source: A frame or a path.
        schema: The columns' names.
        where: `"users"` or `"items"`.

    Raises:
        ValueError: A column is missing, an id is missing or occurs twice, or a value doesn't fit
            its kind.
    """
    of_users = where == "users"
    column = schema.user_id if of_users else schema.item_id
    features = schema.user_features if of_users else schema.item_features
    title = [schema.title] if schema.title and not of_users else []
    table, notes = read_table(source, (column,), (column,))
    table = table.reset_index(drop=True)
    require_columns(table, list(dict.fromkeys([column, *features, *title])), where)
    converted = {n: as_feature(table[n], kind, where) for n, kind in features.items()}
    table = table.assign(**converted, **{column: as_ids(table[column], where)})
    twice = table[column].duplicated()
    if twice.any():
        raise ValueError(
            f"{where}[{column!r}] must hold each id once, received "
            f"{first(table[column], twice)!r} again. Keep one row: "
            f"`{where}.drop_duplicates({column!r})`."
        )
    return table, notes


def _drop_incomplete(rows: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, list[str]]:
    notes = []
    for name, dtype in ((schema.timestamp, "int64"), (schema.event, "str")):
        if name is not None:
            missing = rows[name].isna()
            rows = rows[~missing].astype({name: dtype})
            notes += _note(missing, f"without a {name!r}")
    return rows, notes


def _drop_unknown(
    rows: pd.DataFrame, table: pd.DataFrame, column: str, where: str
) -> tuple[pd.DataFrame, list[str]]:
    if rows[column].dtype != table[column].dtype:
        raise ValueError(
            f"{column!r} must be of one type in interactions and {where}, received "
            f"{rows[column].tolist()[0]!r} and {table[column].tolist()[0]!r}. Convert both, for "
            "example with `.astype(str)`."
        )
    unknown = ~rows[column].isin(table[column])
    if len(rows) and unknown.all():
        raise ValueError(
            f"interactions[{column!r}] must name rows of {where}, received none that does, for "
            f"example {first(rows[column], unknown)!r}. Are these tables of one data set?"
        )
    example = f", for example {first(rows[column], unknown)!r}" if unknown.any() else ""
    return rows[~unknown], _note(unknown, f"whose {column!r} is missing in {where}{example}")


def _drop_duplicates(rows: pd.DataFrame, schema: Schema) -> tuple[pd.DataFrame, list[str]]:
    names = (schema.user_id, schema.item_id, schema.timestamp, schema.event)
    columns = [name for name in names if name]
    twice = rows.duplicated(columns)
    if schema.timestamp is None and schema.weight is not None and twice.any():
        # Without times, repeated rows are one fact told in parts.
        whole = rows.groupby(columns, sort=False)[schema.weight].transform("sum")
        note = f"Summed the {schema.weight!r} of {int(twice.sum()):,} repeated interactions."
        return rows.assign(**{schema.weight: whole})[~twice], [note]
    return rows[~twice], _note(twice, f"that repeat the same {', '.join(map(repr, columns))}")


def _hint_at_weights(rows: pd.DataFrame, schema: Schema) -> list[str]:
    if schema.weight is None or not len(rows) or rows[schema.weight].max() <= _LARGE_WEIGHT:
        return []
    return [
        f"The largest {schema.weight!r} is {rows[schema.weight].max():,.0f}: a loss counts a row "
        "that often. Where it is a count, `numpy.log1p` of it is a usual weight."
    ]


def _note(left_out: "pd.Series[Any]", why: str) -> list[str]:
    count = int(left_out.sum())
    return [f"Left out {count:,} of {len(left_out):,} interactions {why}."] if count else []
