"""From tables of logged rounds, in memory or in Parquet files, to flat arrays."""

import itertools
import os
import pathlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Union

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tfrs_ext.bandits.log_checks import Mask, check_invalid, settle
from tfrs_ext.bandits.rounds import Floats, Integers, Rounds
from tfrs_ext.typing import PathLike

Log = Union[pd.DataFrame, pa.Table, Rounds, PathLike]
"""Logged rounds: a frame, an Arrow table, flat arrays, or Parquet: a file or a folder."""

_NEEDED = ("eligible", "chosen", "reward")
_OPTIONAL = ("days_since", "propensities", "propensity", "user_id", "time")
_CHUNK = 2**17
_SUM_TOLERANCE = 1e-3
_UNKNOWN = -1

Chunk = tuple[Rounds, Counter[str]]


def read_log(log: Log, arms: Sequence[str], invalid: str = "raise") -> Iterator[Chunk]:
    """Yields valid rounds in chunks, each with the counts of the rounds that are left out.

    Args:
        log: The rounds; see `Bandit.fit` for the columns.
        arms: The names of the arms.
        invalid: What is done with invalid rounds: `"raise"` or `"exclude"`.
    """
    check_invalid(invalid)
    if isinstance(log, Rounds):
        yield log, Counter()
        return
    value_set = pa.array(arms, pa.string())
    for table in _tables(log):
        yield _rounds_of(table, value_set, invalid)


def read_whole_log(log: Log, arms: Sequence[str], invalid: str = "raise") -> Rounds:
    """Returns all valid rounds of a log that fits in memory."""
    return join([rounds for rounds, _ in read_log(log, arms, invalid)])


def join(parts: Sequence[Rounds]) -> Rounds:
    """Returns the rounds of all parts as one value."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        raise ValueError("`log` must hold at least one round, received none.")
    before = np.cumsum([0, *(len(part.arms) for part in parts[:-1])])
    flat: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("lengths", "arms", "days_since", "propensities", "rewards")
    }
    chosen = np.concatenate([p.chosen + n for p, n in zip(parts, before, strict=True)])
    extra: dict[str, Any] = {}
    for name in ("users", "times"):
        found = [getattr(part, name) for part in parts]
        extra[name] = None if any(f is None for f in found) else np.concatenate(found)
    return Rounds(chosen=chosen, **flat, **extra)


def split_log(log: pd.DataFrame, shares: Sequence[float] = (0.6, 0.2)) -> list[pd.DataFrame]:
    """Returns parts of a log in the order of its column `time`, or of its rows without one.

    Rounds of one time stay together, so that `Bandit.update` takes a later part.

    Args:
        log: The rounds.
        shares: The shares of the rounds of all parts but the last, which gets the rest.

    Example:
        >>> log = pd.DataFrame({"time": [3, 1, 2, 2, 4]})
        >>> [part["time"].tolist() for part in split_log(log, [0.6])]
        [[1, 2, 2], [3, 4]]
    """
    if not all(share > 0 for share in shares) or not sum(shares) < 1:
        raise ValueError(f"`shares` must be above 0 and sum to less than 1, received {shares}.")
    times = np.arange(len(log))
    if "time" in log:
        log = log.sort_values("time", kind="stable")
        times = log["time"].to_numpy()
    wanted = np.round(np.cumsum(shares) * len(log)).astype(int)
    ends = [int(np.searchsorted(times, times[end], "left")) if end else 0 for end in wanted]
    ends = [0, *ends, len(log)]
    return [log.iloc[a:b] for a, b in itertools.pairwise(ends)]


def to_table(rounds: Rounds, arms: Sequence[str]) -> pa.Table:
    """Returns rounds as an Arrow table with the columns that `Bandit.fit` reads."""
    offsets = pa.array(np.append(rounds.starts, len(rounds.arms)).astype(np.int32))
    names = pa.array(arms, pa.string())

    def lists(values: pa.Array) -> pa.Array:
        return pa.ListArray.from_arrays(offsets, values)

    columns = {
        "eligible": lists(names.take(pa.array(rounds.arms))),
        "days_since": lists(pa.array(rounds.days_since)),
        "propensities": lists(pa.array(rounds.propensities)),
        "chosen": names.take(pa.array(rounds.arms[rounds.chosen])),
        "reward": pa.array(rounds.rewards),
    }
    if rounds.users is not None:
        columns["user_id"] = pa.array(rounds.users)
    if rounds.times is not None:
        columns["time"] = pa.array(rounds.times)
    return pa.table(columns)


def _tables(log: pd.DataFrame | pa.Table | PathLike) -> Iterator[pa.Table]:
    if isinstance(log, pd.DataFrame):
        names = _columns_of(list(log.columns))
        for start in range(0, len(log), _CHUNK):
            part = log[names].iloc[start : start + _CHUNK]
            yield pa.Table.from_pandas(part, preserve_index=False)
    elif isinstance(log, pa.Table):
        names = _columns_of(log.column_names)
        for start in range(0, len(log), _CHUNK):
            yield log.select(names).slice(start, _CHUNK)
    else:
        for path in _parquet_files(log):
            with _open(path) as file:
                names = _columns_of(file.schema_arrow.names)
                for batch in file.iter_batches(_CHUNK, columns=names):
                    yield pa.Table.from_batches([batch])


def _open(path: pathlib.Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise ValueError(f"`log` must be of Parquet files, received {path}: {error}") from error


def _parquet_files(log: PathLike) -> list[pathlib.Path]:
    if not isinstance(log, (str, os.PathLike)):
        raise ValueError(
            "`log` must be a pandas frame, an Arrow table, or the path of Parquet, received "
            f"{type(log).__name__}."
        )
    path = pathlib.Path(log)
    found = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not found or not all(file.is_file() for file in found):
        raise FileNotFoundError(
            f"`log` must be a Parquet file or a folder of such, received log={os.fspath(log)!r}, "
            "where there is none."
        )
    return found


def _columns_of(names: Sequence[str]) -> list[str]:
    missing = [name for name in _NEEDED if name not in names]
    if "propensities" not in names and "propensity" not in names:
        missing.append("propensities")
    if missing:
        raise ValueError(
            f"`log` must have the columns {', '.join(_NEEDED)} and propensities, received "
            f"{', '.join(map(str, names))}: {', '.join(missing)} is missing."
        )
    return [name for name in (*_NEEDED, *_OPTIONAL) if name in names]


def _rounds_of(table: pa.Table, arms: pa.Array, invalid: str) -> Chunk:
    lengths, names = _lists(table, "eligible")
    codes = _codes(names, arms)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    chosen = _codes(_flat(table, "chosen"), arms)
    rewards = _floats(_flat(table, "reward"), "reward")
    days = _days(table, lengths)
    is_chosen = (codes == chosen[owners]) & (codes != _UNKNOWN)
    propensities = _propensities(table, lengths, is_chosen)
    counts = _sums(is_chosen, owners, len(lengths))
    picked = np.zeros(len(lengths))  # The chosen arm's propensity, where there is one such arm.
    picked[owners[is_chosen]] = propensities[is_chosen]
    totals = _sums(np.nan_to_num(propensities), owners, len(lengths))
    says_all = ~_any(np.isnan(propensities), owners, len(lengths))
    problems = {
        "no eligible arm": lengths == 0,
        "an unknown arm": _any(codes == _UNKNOWN, owners, len(lengths)) | (chosen == _UNKNOWN),
        "an arm twice in `eligible`": _has_twice(codes, owners, len(lengths), len(arms)),
        "a chosen arm that isn't eligible": counts == 0,
        "a propensity outside (0, 1]": ~((picked > 0) & (picked <= 1))
        | _any((propensities < 0) | (propensities > 1), owners, len(lengths)),
        "propensities that don't sum to 1": says_all & (np.abs(totals - 1) > _SUM_TOLERANCE),
        "negative days": _any(days < 0, owners, len(lengths)),
        "a reward outside [0, 1]": ~((rewards >= 0) & (rewards <= 1)),
    }
    fine, left_out = settle(problems, invalid)
    places = np.zeros(len(lengths), np.int64)
    places[owners[is_chosen]] = np.flatnonzero(is_chosen)
    users, times = _users(table), _times(table)
    rounds = Rounds(lengths, codes, days, propensities, places, rewards, users, times)
    return (rounds if fine.all() else rounds.take(fine)), left_out


def _lists(table: pa.Table, name: str) -> tuple[Integers, pa.Array]:
    column = _flat(table, name)
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        if column.null_count == len(column):
            return np.zeros(len(column), np.int64), pa.array([], pa.string())
        raise ValueError(
            f"`log` must hold lists in column {name!r}, one entry for each eligible arm, received "
            f"{column.type}."
        )
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64), column.flatten()


def _parallel(table: pa.Table, name: str, lengths: Integers) -> Floats:
    """Returns the entries of a column of lists; NaN for all of a row that has no list."""
    own, values = _lists(table, name)
    missing = pc.is_null(_flat(table, name)).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero((own != lengths) & ~missing)
    if len(wrong):
        first = int(wrong[0])
        raise ValueError(
            f"`log` must have as many {name} as eligible arms in each round, received "
            f"{int(own[first])} for {int(lengths[first])} arms in round {first}."
        )
    result = np.full(int(lengths.sum()), np.nan)
    result[np.repeat(~missing, lengths)] = _floats(values, name)
    return result


def _days(table: pa.Table, lengths: Integers) -> Floats:
    if "days_since" not in table.column_names:
        return np.full(int(lengths.sum()), np.inf)
    days = _parallel(table, "days_since", lengths)
    return np.where(np.isnan(days), np.inf, days)


def _propensities(table: pa.Table, lengths: Integers, is_chosen: Mask) -> Floats:
    """Returns the arms' propensities; from the chosen arm's alone where choices were uniform."""
    if "propensities" in table.column_names:
        # Sums in float32 end a rounding above 1.
        values = _parallel(table, "propensities", lengths)
        return np.where((values > 1) & (values < 1 + 1e-6), 1.0, values)
    chosen = _floats(_flat(table, "propensity"), "propensity")
    with np.errstate(divide="ignore"):
        is_uniform = np.isclose(chosen, 1 / lengths, rtol=1e-4) | ~((chosen > 0) & (chosen <= 1))
    spread = np.repeat(chosen if is_uniform.all() else np.full(len(chosen), np.nan), lengths)
    return np.where(is_chosen, np.repeat(chosen, lengths), spread)


def _codes(names: pa.Array, arms: pa.Array) -> Integers:
    if pa.types.is_dictionary(names.type):
        names = names.dictionary_decode()
    found = pc.index_in(pc.cast(names, pa.string()), value_set=arms)
    return pc.fill_null(found, _UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)


def _users(table: pa.Table) -> npt.NDArray[np.generic] | None:
    if "user_id" not in table.column_names:
        return None
    return _flat(table, "user_id").to_numpy(zero_copy_only=False)


def _times(table: pa.Table) -> Floats | None:
    """Returns seconds, or the numbers that the log has; NaN where it has none."""
    if "time" not in table.column_names:
        return None
    column = _flat(table, "time")
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        nanoseconds = pc.cast(pc.cast(column, pa.timestamp("ns")), pa.int64())
        return _floats(nanoseconds, "time") / 1e9
    return _floats(column, "time")


def _flat(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _floats(values: pa.Array, name: str) -> Floats:
    try:
        # Unsafe: whole numbers above 2**53, such as nanoseconds, are rounded.
        found = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(
            f"`log` must hold numbers in column {name!r}, received {values.type}: {error}"
        ) from error
    return np.asarray(found, np.float64)


def _sums(values: npt.NDArray[np.generic], owners: Integers, count: int) -> Floats:
    return np.bincount(owners, values, count).astype(np.float64)


def _any(mask: Mask, owners: Integers, count: int) -> Mask:
    result = np.zeros(count, bool)
    result[owners[mask]] = True
    return result


def _has_twice(codes: Integers, owners: Integers, count: int, arms: int) -> Mask:
    """Returns the rounds that name an arm twice, by sorted pairs of round and arm."""
    keys = np.sort(owners * (arms + 1) + codes + 1)
    twice = keys[1:][(keys[1:] == keys[:-1]) & (keys[1:] % (arms + 1) > 0)]
    result = np.zeros(count, bool)
    result[twice // (arms + 1)] = True
    return result
