"""One pass over interactions that are larger than memory: counts, vocabularies, facts."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tfrs_ext.data.feature_set import FeatureSet, assemble_features
from tfrs_ext.data.parquet.columns import read_frame, read_ids, read_times
from tfrs_ext.data.parquet.counts import IdCounts
from tfrs_ext.data.parquet.interactions import ParquetInteractions
from tfrs_ext.data.schema import HISTORY
from tfrs_ext.features import Categorical


@dataclasses.dataclass(frozen=True, eq=False)
class ParquetFacts:
    """What one pass over the interactions has found.

    Args:
        features: The columns with their facts, as `fit_features` gives them.
        item_ids: The items that occur, the most popular first.
        item_counts: The number of rows of each of them, which `frequencies.CountedFrequency` takes.
        num_rows: The number of rows.
        times: The earliest and the latest time, int seconds since 1970; None where there are none.
        max_undercount: How much too small a count can be, since `max_ids` forgot some; 0 where it
            forgot none.
    """

    features: FeatureSet
    item_ids: list[int] | list[str]
    item_counts: list[int]
    num_rows: int
    times: tuple[int, int] | None
    max_undercount: int


def scan_parquet(
    interactions: ParquetInteractions,
    history_length: int = 50,
    *,
    ids: Mapping[str, Any] | None = None,
    max_ids: int | None = None,
    sample_rows: int = 1_000_000,
    seed: int = 0,
) -> ParquetFacts:
    """Counts items and fits the features in one pass.

    Memory grows with the number of distinct users and items, or with `max_ids`, not with the rows.
    Columns of the rows (the context, and what no table of users or items holds) are fitted to a
    random sample of the rows, all else to everything.

    Args:
        interactions: The training part, which `open_parquet` has opened. The query has a history
            where it is grouped by user.
        history_length: How many of the user's latest items the query holds.
        ids: Options of the ids' features: `unknown_rate`, `num_hash_buckets`, `min_count`.
        max_ids: How many users, and how many items, are kept at most; the rarest beyond are
            unknown to the features. None keeps all.
        sample_rows: The size of the sample.
        seed: Equal seeds give equal samples.

    Returns:
        The features, the items' counts, the number of rows and the range of times.

    Raises:
        ValueError: A row group is damaged or a cell is wrong; the message names file and row
            group. Also if `history_length`, `max_ids` or `sample_rows` is below 1.

    Relations:
        `fit_features` and `item_counts` do this for frames in memory.

    Example:
        >>> import tempfile
        >>> from tfrs_ext.data import open_parquet
        >>> path = f"{tempfile.mkdtemp()}/log.parquet"
        >>> log = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [1, 2, 3]})
        >>> log.to_parquet(path)
        >>> facts = scan_parquet(open_parquet(path))
        >>> facts.item_ids, facts.item_counts, facts.times
        ([7, 5], [2, 1], (1, 3))
    """
    schema, options = interactions.schema, dict(ids or {})
    scan = _Scan(interactions, max_ids, _Sample(sample_rows, seed))
    for group in interactions.row_groups:
        scan.add(group.read(interactions.columns), f"{group.name}: interactions")
    rows, items = scan.sample.frame(), scan.items.table()
    features = assemble_features(
        schema,
        _fit_ids(schema.user_id, scan.users.table(), **options),
        _fit_ids(schema.item_id, items, **options),
        users=_those_that_occur(interactions.users, rows, schema.user_id, scan.users),
        items=_those_that_occur(interactions.items, rows, schema.item_id, scan.items),
        rows=rows,
        histories=(HISTORY,) if interactions.is_grouped_by_user else (),
        history_length=history_length,
    )
    return ParquetFacts(
        features=features,
        item_ids=items["id"].to_pylist(),
        item_counts=items["n"].to_pylist(),
        num_rows=interactions.num_rows,
        times=None if schema.timestamp is None else (scan.first, scan.last),
        max_undercount=max(scan.users.max_undercount, scan.items.max_undercount),
    )


class _Sample:
    """The rows with the smallest of random numbers: each row is as likely as any other."""

    def __init__(self, size: int, seed: int) -> None:
        if size < 1:
            raise ValueError(f"`sample_rows` must be at least 1, received sample_rows={size}.")
        self.size, self._rng = size, np.random.default_rng(seed)
        self._parts: list[pd.DataFrame] = []
        self._keys: list[np.ndarray] = []

    def add(self, rows: pd.DataFrame) -> None:
        self._parts.append(rows)
        self._keys.append(self._rng.random(len(rows)))
        if sum(map(len, self._parts)) > 2 * self.size:
            self._cut()

    def frame(self) -> pd.DataFrame:
        self._cut()
        return self._parts[0]

    def _cut(self) -> None:
        keys, rows = np.concatenate(self._keys), pd.concat(self._parts, ignore_index=True)
        if len(keys) > self.size:
            kept = np.sort(np.argpartition(keys, self.size)[: self.size])
            keys, rows = keys[kept], rows.iloc[kept].reset_index(drop=True)
        self._keys, self._parts = [keys], [rows]


class _Scan:
    """What is known of the row groups so far."""

    def __init__(
        self, interactions: ParquetInteractions, max_ids: int | None, sample: _Sample
    ) -> None:
        self.schema = interactions.schema
        self.kinds = _kinds_of_rows(interactions)
        self.users, self.items = IdCounts(max_ids), IdCounts(max_ids)
        self.sample = sample
        limits = np.iinfo(np.int64)
        self.first, self.last = int(limits.max), int(limits.min)

    def add(self, table: pa.Table, where: str) -> None:
        schema = self.schema
        users = read_ids(table, schema.user_id, where)
        items = read_ids(table, schema.item_id, where)
        self.users.add(pa.array(users))
        self.items.add(pa.array(items))
        if schema.timestamp is not None:
            times = read_times(table, schema.timestamp, where)
            self.first = min(self.first, int(times.min()))
            self.last = max(self.last, int(times.max()))
        found = read_frame(table, self.kinds, where)
        self.sample.add(found.assign(**{schema.user_id: users, schema.item_id: items}))


def _kinds_of_rows(interactions: ParquetInteractions) -> dict[str, Any]:
    schema = interactions.schema
    users = {} if interactions.users is not None else schema.user_features
    items = {} if interactions.items is not None else schema.item_features
    return {**schema.context_features, **users, **items}


def _fit_ids(name: str, counts: pa.Table, min_count: int = 1, **options: Any) -> Categorical:
    if min_count < 1:
        raise ValueError(f"`min_count` must be at least 1, received min_count={min_count}.")
    known = counts.filter(pc.greater_equal(counts["n"], min_count)).sort_by("id")
    return Categorical(name, tuple(known["id"].to_pylist()), **options)


def _those_that_occur(
    table: pd.DataFrame | None, rows: pd.DataFrame, name: str, counts: IdCounts
) -> pd.DataFrame:
    if table is None:
        return rows.drop_duplicates(name)
    return table[table[name].isin(counts.table()["id"].to_pandas())]
