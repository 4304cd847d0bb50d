"""Requests of a job: a file that is read in pieces, or columns in memory."""

import hashlib
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Union

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from tfrs_ext.typing import Columns, PathLike

_BATCH = 65_536


class RequestTable:
    """Requests, of which one part is held at a time.

    Args:
        path: A Parquet or CSV file, or None.
        table: What is asked, where there is no file.
        dtypes: From columns to the dtypes that the source takes: a CSV file doesn't say whether
            `007` is a number.
    """

    def __init__(
        self, path: pathlib.Path | None, table: pa.Table | None, dtypes: Mapping[str, str]
    ) -> None:
        self._path, self._table, self._dtypes = path, table, dtypes
        self.names: list[str] = self._schema().names
        self.rows: int = self._count()

    def _schema(self) -> pa.Schema:
        if self._table is not None:
            return self._table.schema
        if self._is_csv():
            with self._open_csv() as reader:
                return reader.schema
        return pq.read_schema(self._path)

    def _is_csv(self) -> bool:
        return self._path is not None and self._path.suffix == ".csv"

    def _open_csv(self) -> pc.CSVStreamingReader:
        types = {name: pa.type_for_alias(dtype) for name, dtype in self._dtypes.items()}
        try:
            return pc.open_csv(self._path, convert_options=pc.ConvertOptions(column_types=types))
        except pa.ArrowInvalid as error:
            raise ValueError(
                f"`requests` must be a CSV file with the types {dict(self._dtypes)}, received "
                f"{self._path}: {error}"
            ) from error

    def _count(self) -> int:
        if self._table is not None:
            return int(self._table.num_rows)
        if self._is_csv():
            return sum(batch.num_rows for batch in self._batches())
        return int(pq.read_metadata(self._path).num_rows)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if self._table is not None:
            yield from self._table.to_batches(max_chunksize=_BATCH)
        elif self._is_csv():
            with self._open_csv() as reader:
                yield from reader
        else:
            with pq.ParquetFile(self._path) as file:
                yield from file.iter_batches(batch_size=_BATCH)

    def describe(self) -> dict[str, Any]:
        """Returns what tells these requests from others, JSON-able."""
        digest = hashlib.sha256()
        if self._path is not None:
            with open(self._path, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    digest.update(block)
        for batch in [] if self._table is None else self._batches():
            for column in batch.columns:
                digest.update("\0".join(map(str, column.to_pylist())).encode())
        return {"requests": self.rows, "columns": self.names, "sha256": digest.hexdigest()}

    def parts(self, size: int, wanted: Sequence[int]) -> Iterator[tuple[int, pa.Table]]:
        """Yields the numbers of parts and their requests, in order.

        Args:
            size: How many requests a part has; the last one may have fewer.
            wanted: Which parts.
        """
        left, held, begin = list(wanted), [], 0
        for batch in self._batches():
            end = begin + batch.num_rows
            while left and left[0] * size < end:
                first, last = left[0] * size, min((left[0] + 1) * size, self.rows)
                start = max(first, begin)
                held.append(batch.slice(start - begin, min(last, end) - start))
                if last > end:
                    break
                yield left.pop(0), pa.Table.from_batches(held)
                held = []
            begin = end


def open_requests(
    requests: Union[PathLike, Columns], dtypes: Mapping[str, str] | None = None
) -> RequestTable:
    """Returns requests from a file or from columns.

    Args:
        requests: A Parquet or CSV file, or `{column: [N]}`.
        dtypes: From columns to the dtypes with which a CSV file is read; others are guessed.
    """
    if isinstance(requests, Mapping):
        columns = {name: np.asarray(values) for name, values in requests.items()}
        shapes = {name: values.shape for name, values in columns.items()}
        if len(set(shapes.values())) != 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise ValueError(
                f"`requests` must hold columns [N] of equal length, received {shapes}."
            )
        table = pa.table({name: pa.array(values.tolist()) for name, values in columns.items()})
        return RequestTable(None, table, {})
    path = pathlib.Path(requests)
    if not path.is_file() or path.suffix not in (".parquet", ".csv"):
        raise ValueError(
            f"`requests` must be a .parquet or .csv file that exists, received {str(path)!r}."
        )
    return RequestTable(path, None, dtypes or {})
