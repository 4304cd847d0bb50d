"""Logs as Arrow tables: from frames and Parquet in chunks, split by time, and made of rounds."""

import itertools
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Union

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tfrs_ext.bandits.rounds import Rounds
from tfrs_ext.typing import PathLike

Log = Union[pd.DataFrame, pa.Table, Rounds, PathLike]
"""Logged rounds: a frame, an Arrow table, flat arrays, or Parquet: a file or a folder."""

_NEEDED = ("eligible", "chosen", "reward")
_OPTIONAL = ("days_since", "propensities", "propensity", "user_id", "time")
_CHUNK = 2**17


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
    inner = (np.searchsorted(times, times[end]) if end < len(log) else end for end in wanted)
    ends = [0, *map(int, inner), len(log)]
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


def read_tables(log: pd.DataFrame | pa.Table | PathLike) -> Iterator[pa.Table]:
    """Yields the needed columns of a log, in chunks."""
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
