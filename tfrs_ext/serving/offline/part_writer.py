"""One Parquet file of answers, written beside the work on the next ones."""

import pathlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from tfrs_ext.serving.offline.tables import decode_texts, is_dictionary_list

_DICTIONARY_BYTES = 1 << 28  # A dictionary that outgrows its page is given up, which costs more.


class PartWriter:
    """Writes row groups in a thread of its own, at most one behind: Arrow needs no Python for it.

    Texts of items are written as a dictionary and places in it, where a group has more places than
    the dictionary has texts. Numbers of items aren't compressed: their bytes are nearly random, and
    to compress them would be a third of the work.

    Args:
        path: The file.
        asked: The columns of the requests, which have statistics, and are compressed. Nobody looks
            for a list by its least and largest value; to find these is a third of the work.
    """

    def __init__(self, path: pathlib.Path, asked: Sequence[str]) -> None:
        self._path, self._asked = path, list(asked)
        self._writer: pq.ParquetWriter | None = None
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> "PartWriter":
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Waits for what is being written, and closes the file."""
        try:
            if self._last is not None and error is None:
                self._last.result()
        finally:
            self._thread.shutdown()
            if self._writer is not None:
                self._writer.close()

    def write(self, rows: pa.Table) -> None:
        """Writes a row group, as soon as the one before is written.

        Args:
            rows: The answers.
        """
        if self._last is not None:
            self._last.result()
        self._last = self._thread.submit(self._write, rows)

    def _write(self, rows: pa.Table) -> None:
        if self._writer is None:
            rows = decode_texts(rows, fewest=1.0)
            self._writer = self._open(rows.schema)
        elif self._writer.schema != rows.schema:  # The first group decides for all.
            rows = decode_texts(rows)
        self._writer.write_table(rows, row_group_size=rows.num_rows)

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        shared = [field.name for field in schema if is_dictionary_list(field.type)]
        plain = [f.name for f in schema if _holds_texts(f.type) and f.name not in self._asked]
        compressed = [*self._asked, *(f"{name}.list.element" for name in plain)]
        return pq.ParquetWriter(
            self._path,
            schema,
            use_dictionary=[f"{name}.list.element" for name in shared],
            dictionary_pagesize_limit=_DICTIONARY_BYTES,
            write_statistics=self._asked,
            compression=dict.fromkeys(compressed, "snappy"),
            store_schema=False,  # Readers find texts, not a dictionary.
        )


def _holds_texts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_large_list(kind) and pa.types.is_string(kind.value_type))
