"""Reads the rows of one worker, a window at a time, and puts them into batches."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from tfrs_ext.data.feature_set import FeatureSet
from tfrs_ext.data.parquet.columns import Arrays, read_columns
from tfrs_ext.data.parquet.entity_table import EntityTable
from tfrs_ext.data.parquet.interactions import ParquetInteractions
from tfrs_ext.data.parquet.order import Piece, pieces_of, windows_of
from tfrs_ext.data.parquet.window import Window, batches_of, starts_of_users
from tfrs_ext.data.schema import SAMPLE_WEIGHT
from tfrs_ext.features import Feature, History

_AHEAD = 2  # Row groups that are read while others are trained on.


class Reader:
    """Reads the rows of one worker.

    Args:
        interactions: Where the rows are.
        features: The columns with their facts.
        shard: The worker's number, and how many workers there are.

    Attributes:
        tables: The tables of users and items whose columns are joined to a batch.
    """

    def __init__(
        self, interactions: ParquetInteractions, features: FeatureSet, shard: tuple[int, int]
    ) -> None:
        self._interactions, self._features, self._shard = interactions, features, shard
        histories = [feature for feature in features.query if isinstance(feature, History)]
        if histories and not interactions.is_grouped_by_user:
            raise ValueError(
                "`interactions` must be grouped by user where the features have a history, "
                "received others: see `group_parquet_by_user`."
            )
        self._history = histories[0] if histories else None
        schema = interactions.schema
        self.tables = [
            EntityTable(table, name, part)
            for table, name, part in (
                (interactions.users, schema.user_id, features.of_users[1:]),
                (interactions.items, schema.item_id, features.candidate[1:]),
            )
            if table is not None and part
        ]

    def batches(
        self, batch_size: int, window_rows: int, rng: np.random.Generator | None
    ) -> Iterator[Arrays]:
        """Yields the batches of an epoch: the rows' own columns, and positions in the tables.

        Args:
            batch_size: The rows of a batch; the last one may have fewer.
            window_rows: How many rows are shuffled together.
            rng: Shuffles; None keeps the order of the files.
        """
        sizes = [group.num_rows for group in self._interactions.row_groups]
        pieces = pieces_of(sizes, self._shard, rng)
        item_id = self._interactions.schema.item_id
        with ThreadPoolExecutor(1) as pool:
            read = _read_ahead(pool, self._read, pieces)
            windows = (
                Window.join([next(read) for _ in window])
                for window in windows_of(pieces, window_rows)
            )
            yield from batches_of(
                windows, lambda w, rows: w.take(rows, self._history, item_id), batch_size, rng
            )

    def signature(self, width: int | None) -> dict[str, tf.TensorSpec]:
        """Returns the shapes and dtypes of what `batches` yields.

        Args:
            width: The rows of a batch; None where the last one may have fewer.
        """
        schema, features = self._interactions.schema, self._features
        read: list[Feature] = [features.query[0], features.candidate[0], *features.context]
        read += features.of_users[1:] if self._interactions.users is None else ()
        read += features.candidate[1:] if self._interactions.items is None else ()
        read += [self._history] if self._history else []
        examples = {feature.name: feature.example() for feature in read}
        found = {
            name: tf.TensorSpec([width, *example.shape[1:]], example.dtype)
            for name, example in examples.items()
        }
        numbers = [SAMPLE_WEIGHT] if schema.weight is not None else []
        numbers += [schema.label] if schema.label is not None else []
        positions = {table.key: tf.TensorSpec([width], tf.int64) for table in self.tables}
        return {**found, **{n: tf.TensorSpec([width], tf.float32) for n in numbers}, **positions}

    def _read(self, piece: Piece) -> Window:
        group, schema = self._interactions.row_groups[piece.group], self._interactions.schema
        where = f"{group.name}: interactions"
        table = group.read(self._interactions.columns)
        columns = read_columns(table, self._interactions, self._features, where)
        users = columns[schema.user_id]
        starts = starts_of_users(users) if self._history else np.zeros(len(users), np.int64)
        positions = {table.key: table.positions(columns[table.name]) for table in self.tables}
        return Window({**columns, **positions}, starts, np.arange(piece.start, piece.stop))


def _read_ahead(
    pool: ThreadPoolExecutor, read: Callable[[Piece], Window], pieces: Sequence[Piece]
) -> Iterator[Window]:
    pending: list[Future[Window]] = []
    for piece in pieces:
        pending.append(pool.submit(read, piece))
        if len(pending) > _AHEAD:
            yield pending.pop(0).result()
    for future in pending:
        yield future.result()
