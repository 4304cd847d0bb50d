"""A look at a file of interactions: which columns it has, and what they seem to mean."""

import dataclasses
import re
import warnings
from typing import Any

import pandas as pd

from tfrs_ext.data.load import DataWarning, load_frames
from tfrs_ext.data.schema import Schema
from tfrs_ext.data.tables import read_table
from tfrs_ext.typing import PathLike

# Names as people write them, in small letters and without signs; the likeliest first.
_WORDS = {
    "user_id": "userid user uid customerid memberid visitorid reviewerid accountid sessionid",
    "item_id": "itemid item iid movieid productid parentasin asin sku bookid businessid trackid "
    "artistid articleid newsid",
    "timestamp": "timestamp time ts datetime date unixreviewtime createdat eventtime",
    "label": "label click clicked liked rating ratings stars overall score",
    "weight": "weight count plays playcount quantity",
}


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What `inspect_interactions` found.

    Attributes:
        columns: From names to a few words about the cells.
        schema: What the columns seem to mean; None where the users' or the items' ids weren't
            found.
        problems: What stands in the way of loading the file, or was left out, one sentence each.
        is_loadable: Whether `load_frames` takes the file with this schema.
        facts: How many rows, users and items there are, and their period.
    """

    columns: dict[str, str]
    schema: Schema | None
    problems: tuple[str, ...]
    is_loadable: bool
    facts: dict[str, str]

    def options(self) -> list[str]:
        """Returns the options by which the recipes' commands name the columns."""
        if self.schema is None:
            return ["--user-id", "COLUMN", "--item-id", "COLUMN"]
        named = {"user_id": self.schema.user_id, "item_id": self.schema.item_id}
        words = [] if self.schema.timestamp else ["--no-timestamp", "--split", "leave-one-out"]
        others = {"timestamp": self.schema.timestamp, "label": self.schema.label}
        for name, column in {**named, **others, "weight": self.schema.weight}.items():
            if column is not None and column != getattr(Schema(), name):
                words += [f"--{name.replace('_', '-')}", column]
        return words


def inspect_interactions(source: pd.DataFrame | PathLike) -> Inspection:
    """Returns what a table of interactions holds, and what its columns seem to mean.

    Args:
        source: A frame, or the path of a file that `load_frames` reads.

    Returns:
        An `Inspection`; its schema is a guess from the columns' names, to be looked at.

    Raises:
        ValueError: The file can't be read at all.

    Relations:
        `load_frames` checks and loads.

    Example:
        >>> log = pd.DataFrame({"userId": [1, 1], "movieId": [5, 7], "rating": [4.5, 3]})
        >>> found = inspect_interactions(log)
        >>> found.schema.user_id, found.schema.label, found.is_loadable
        ('userId', 'rating', True)
        >>> found.options()[:3]
        ['--no-timestamp', '--split', 'leave-one-out']
    """
    table, _ = read_table(source, (), ("user_id", "item_id", "rating", "timestamp"))
    schema = _guess_schema(table)
    columns = {str(name): _describe(table[name]) for name in table.columns}
    if schema is None:
        problem = "No column looks like the ids of users and of items: name them."
        return Inspection(columns, None, (problem,), False, {"rows": f"{len(table):,}"})
    facts = {"rows": f"{len(table):,}"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # The notes say the same.
        try:
            # A label may be missing or text, which the ranking recipe sees to.
            frames = load_frames(source, schema=dataclasses.replace(schema, label=None))
        except ValueError as error:
            return Inspection(columns, schema, (str(error),), False, facts)
    facts |= {"users": f"{len(frames.users):,}", "items": f"{len(frames.items):,}"}
    if schema.timestamp is not None:
        days = [pd.Timestamp(int(time), unit="s").date() for time in frames.times()[[0, -1]]]
        facts["period"] = f"{days[0]} to {days[1]}"
    return Inspection(columns, schema, frames.notes, True, facts)


def _guess_schema(table: pd.DataFrame) -> Schema | None:
    found: dict[str, str] = {}
    for meaning, words in _WORDS.items():
        for word in words.split():
            names = [n for n in table.columns if _plain(n) == word and n not in found.values()]
            if names and meaning not in found:
                found[meaning] = names[0]
    if not {"user_id", "item_id"} <= set(found):
        return None
    return Schema.from_config({"timestamp": None, **found})


def _plain(name: object) -> str:
    """Returns a column's name in small letters and without signs and types."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower().partition(":")[0])


def _describe(column: "pd.Series[Any]") -> str:
    distinct = column.astype(str).nunique()
    missing = int(column.isna().sum())
    shown = ", ".join(repr(value) for value in column.dropna().astype(str).unique()[:3])
    words = f"{column.dtype}, {distinct:,} values such as {shown}"
    return f"{words}, {missing:,} missing" if missing else words
