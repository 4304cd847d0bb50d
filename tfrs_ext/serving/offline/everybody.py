"""Recommendations for everybody, written to Parquet in parts, by a job that may be killed."""

import contextlib
import functools
import pathlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Union

import pyarrow as pa

from tfrs_ext.files import hold_folder, read_json, replace_file, write_json
from tfrs_ext.serving.offline.asked import RequestTable, open_requests
from tfrs_ext.serving.offline.part_writer import PartWriter
from tfrs_ext.serving.offline.recommender import Recommender
from tfrs_ext.serving.offline.tables import Answer, recommend_table
from tfrs_ext.typing import Columns, PathLike, PrintFn

_JOB, _DONE = "_job.json", "_SUCCESS"
_GROUP_VALUES = 1_000_000  # Of a list column in a row group, the piece that readers take whole.


def recommend_to_parquet(
    source: Union[PathLike, Answer],
    requests: Union[PathLike, Columns],
    out: PathLike,
    *,
    k: int = 100,
    item_id: str = "item_id",
    batch_size: int = 1024,
    part_rows: int = 100_000,
    print_fn: PrintFn | None = print,
) -> list[pathlib.Path]:
    """Writes what each request is recommended, in files that other programs read.

    Each part is written whole or not at all. Where a job was killed, the same call goes on after
    the last whole part, and refuses to mix parts of another version, k or other requests. One
    function can't be told from another one: write what another one answers to another folder.
    Memory holds one part, whatever the number of requests.

    Args:
        source: A version's folder, of which the signature `recommend` is asked without this
            package's models; or a function from `{column: [B]}` to `{column: [B, k]}`, such as
            one over a model in training. Places without an item hold the id -1 or `""`.
        requests: A Parquet or CSV file, or `{column: [N]}`, with a column for each input `[B]`
            that the source takes, such as `user_id`. A version says as what a CSV file's columns
            are read, so that the text `007` stays what it is.
        out: The folder, made where it is missing.
        k: How many items each request gets at most.
        item_id: The name of the column with the ids, where the source is a function; a version
            says it itself.
        batch_size: B, how many requests are answered at a time.
        part_rows: How many requests one file holds.
        print_fn: Takes a line after each part; None for silence.

    Returns:
        The files, `part-00000.parquet` and so on. Each row is a request: its columns, and lists
        of ids, scores and item fields of equal length, the best first, without padding. The file
        `_SUCCESS` appears when all are whole.

    Raises:
        ValueError: An argument doesn't fit, or `out` holds parts of another job.
        RuntimeError: Another process writes to `out`.

    Relations:
        `Recommender.map_frames` is the same for the partitions of a cluster.

    Example:
        >>> import tempfile, pyarrow.parquet as pq
        >>> best = lambda asked: {"item_id": np.tile([7, 8], (len(asked["user_id"]), 1))}
        >>> out = tempfile.mkdtemp()
        >>> parts = recommend_to_parquet(best, {"user_id": [1, 2]}, out, k=2, print_fn=None)
        >>> pq.read_table(parts[0]).to_pylist()[0]
        {'user_id': 1, 'item_id': [7, 8]}
    """
    for name, value in (("k", k), ("batch_size", batch_size), ("part_rows", part_rows)):
        if value < 1:
            raise ValueError(f"`{name}` must be a positive integer, received {name}={value}.")
    with contextlib.ExitStack() as stack:
        answer = source if callable(source) else stack.enter_context(Recommender(source, k))
        table = open_requests(requests, getattr(answer, "dtypes", None))
        if isinstance(answer, Recommender):
            answer.check_columns(table.names)
            label, ask = answer.fingerprint, answer.answer_table
        else:
            label, ask = "a function", functools.partial(recommend_table, answer, item_id)
        folder = stack.enter_context(hold_folder(out))
        _begin(folder, {"source": label, "k": k, "part_rows": part_rows, **table.describe()})
        sizes = (batch_size, batch_size * -(-_GROUP_VALUES // (k * batch_size)), part_rows)
        return _Job(ask, table, folder, sizes, print_fn).run()


def _begin(folder: pathlib.Path, job: Mapping[str, Any]) -> None:
    begun = read_json(folder / _JOB)
    if begun is None:
        if next(folder.glob("*.parquet"), None) is not None:
            raise ValueError(
                f"`out` must be a folder without other Parquet files, received {folder}."
            )
        write_json(folder / _JOB, job)
    elif begun != job:
        changed = sorted(name for name in {*begun, *job} if begun.get(name) != job.get(name))
        raise ValueError(
            f"`out` must be a folder that was begun with the same job, received {folder}, begun "
            f"with other {', '.join(changed)}: name another folder, or remove this one."
        )


class _Job:
    """The parts that are still to be written."""

    def __init__(
        self,
        ask: Callable[[pa.Table], pa.Table],
        table: RequestTable,
        folder: pathlib.Path,
        sizes: tuple[int, int, int],
        print_fn: PrintFn | None,
    ) -> None:
        self._ask, self._table, self._folder = ask, table, folder
        self._batch_size, self._group_rows, self._part_rows = sizes
        self._print = print_fn or (lambda line: None)

    def run(self) -> list[pathlib.Path]:
        """Writes what is missing, and returns all files."""
        count = -(-self._table.rows // self._part_rows)
        paths = [self._folder / f"part-{i:05d}.parquet" for i in range(count)]
        missing = [i for i, path in enumerate(paths) if not path.exists()]
        if missing and len(missing) < count:
            self._print(f"going on: {count - len(missing)} of {count} parts are there")
        start, done = time.monotonic(), 0
        for i, part in self._table.parts(self._part_rows, missing):
            with replace_file(paths[i]) as unfinished:
                self._write(part, unfinished)
            done += part.num_rows
            self._report(i, count, done, time.monotonic() - start, len(missing) * self._part_rows)
        (self._folder / _DONE).touch()
        return paths

    def _write(self, part: pa.Table, path: pathlib.Path) -> None:
        with PartWriter(path, part.column_names) as writer:
            for begin in range(0, part.num_rows, self._group_rows):
                rows = part.slice(begin, self._group_rows)
                batches = range(0, rows.num_rows, self._batch_size)
                answers = [self._ask(rows.slice(first, self._batch_size)) for first in batches]
                writer.write(pa.concat_tables(answers))

    def _report(self, part: int, parts: int, done: int, seconds: float, total: int) -> None:
        speed = done / max(seconds, 1e-9)
        left = max(0, min(total, self._table.rows) - done) / speed
        self._print(
            f"part {part + 1} of {parts}: {speed:,.0f} requests a second, about "
            f"{left / 60:.1f} min left"
        )
