"""Which candidates are no negatives of a row, arranged so that a block has few to look at.

A row excludes the candidates that have the id of its own positive. To find them by comparing every
row with every candidate would cost as much as the scores. So rows and candidates are both sorted
by id: then the exclusions of neighbouring rows lie in neighbouring columns.

    candidates, sorted:   a  a  b  c  c  c  d  e          x: no negative of the row
                        +-------------------------+
    rows,      a        | x  x  .  .  .  .  .  .  |  block 0: its exclusions lie in the
    sorted     b        | .  .  x  .  .  .  .  .  |    strip of columns [0, 3)
               c        | .  .  .  x  x  x  .  .  |  block 1: its exclusions lie in the
               e        | .  .  .  .  .  .  .  x  |    strip of columns [3, 8)
                        +-------------------------+

The **strip** of a block of rows runs from the first candidate with the id of its first row to the
last candidate with the id of its last row. Only in the strip are ids compared; the **rest** of the
columns, left and right of it, are negatives of every row of the block. A mask from outside can
exclude anything, so its strip is all columns.

For each block the pool is **rotated**, so that the strip comes first and the rest is one piece. To
rotate without moving data, the candidates are written twice, one copy behind the other: strip and
rest are then one slice each.

    twice:        | 0 ... first | first .. last | last ... N | 0 ... first | ...
                                [ strip         | rest                     ]
"""

from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.ops.hashing import fingerprint
from tfrs_ext.ops.spans import Span


class Part(NamedTuple):
    """Some columns of a block.

    Attributes:
        columns: Which, of what `order_columns` gives; None for all.
        valid: `[b, m]` bool, which are negatives; None where all are.
    """

    columns: Span | None
    valid: tf.Tensor | None

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """Returns these columns of `values`, whose first axis is the columns."""
        return values if self.columns is None else self.columns.of(values)


class NoExclusion:
    """Every candidate is a negative of every row."""

    def order_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Arranges `values`, whose first axis is the rows."""
        return values

    def restore_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_rows`."""
        return values

    def order_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Arranges `values`, whose first axis is the candidates; they may stand there twice."""
        return values

    def restore_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_columns`, of values that stand there once."""
        return values

    def parts(self, span: Span) -> list[Part]:
        """Returns the columns as these rows see them; together they are all, each once."""
        return [Part(None, None)]

    def rotate_back(self, sums: tf.Tensor, parts: list[Part]) -> tf.Tensor:
        """Puts `sums` `[d, N]`, whose columns are those of the parts, into the arranged order."""
        return sums


class ByMask(NoExclusion):
    """Candidates are excluded by a mask `[B, N]`, and by id where ids are given."""

    def __init__(
        self, mask: tf.Tensor, row_ids: tf.Tensor | None, candidate_ids: tf.Tensor | None
    ) -> None:
        self._mask = mask
        self._keys = None
        if row_ids is not None and candidate_ids is not None:
            columns = tf.expand_dims(fingerprint(candidate_ids), 0)
            self._keys = tf.expand_dims(fingerprint(row_ids), 1), columns

    def parts(self, span: Span) -> list[Part]:
        """Returns all columns with what mask and ids allow."""
        valid = span.of(self._mask)
        if self._keys is not None:
            rows, columns = self._keys
            valid = tf.logical_and(valid, tf.not_equal(span.of(rows), columns))
        return [Part(None, valid)]


class ById(NoExclusion):
    """Candidates with the id of the row are excluded; both sides are sorted by id."""

    def __init__(self, row_ids: tf.Tensor, candidate_ids: tf.Tensor) -> None:
        self._column_order, columns = _sort(candidate_ids)
        self._row_order, rows = self._column_order, columns
        if row_ids is not candidate_ids:  # In-batch negatives: one order serves both sides.
            self._row_order, rows = _sort(row_ids)
        self._size = tf.size(columns)
        self._rows, self._columns = tf.expand_dims(rows, 1), tf.concat([columns, columns], 0)
        # The columns that hold each row's id: from `_first` to before `_last`.
        self._first, self._last = _find(rows, columns)

    def order_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Sorts the rows by id."""
        return tf.gather(values, self._row_order)

    def restore_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_rows`."""
        return tf.gather(values, tf.math.invert_permutation(self._row_order))

    def order_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Sorts the candidates by id, and writes them twice."""
        return tf.gather(values, tf.concat([self._column_order, self._column_order], 0))

    def restore_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_columns`."""
        return tf.gather(values, tf.math.invert_permutation(self._column_order))

    def parts(self, span: Span) -> list[Part]:
        """Returns the strip, from the hits of the first row to those of the last, and the rest."""
        # Where there are no rows, the strip is empty and lies behind all columns.
        first = tf.minimum(tf.reduce_min(span.of(self._first)), self._size)
        last = tf.maximum(tf.reduce_max(span.of(self._last)), first)
        strip, rest = Span(first, last), Span(last, first + self._size)
        columns = tf.expand_dims(strip.of(self._columns), 0)
        return [Part(strip, tf.not_equal(span.of(self._rows), columns)), Part(rest, None)]

    def rotate_back(self, sums: tf.Tensor, parts: list[Part]) -> tf.Tensor:
        """Moves the columns right by where the strip begins."""
        strip = parts[0].columns
        assert strip is not None
        return tf.roll(sums, strip.start, axis=1)


def _sort(ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the order that sorts ids by their keys, and the sorted keys."""
    keys = fingerprint(ids)
    # `top_k` sorts downwards; with all bits turned round, upwards.
    downwards = tf.math.top_k(tf.bitwise.invert(keys), tf.size(keys))
    return downwards.indices, tf.bitwise.invert(downwards.values)


def _find(keys: tf.Tensor, sorted_keys: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns where each key begins among sorted ones, and where it ends."""
    # What is under `tf.searchsorted`, which takes 19 operations for lists that aren't batched.
    lists = {"sorted_inputs": tf.expand_dims(sorted_keys, 0), "values": tf.expand_dims(keys, 0)}
    first, last = tf.raw_ops.LowerBound(**lists), tf.raw_ops.UpperBound(**lists)
    return tf.squeeze(first, 0), tf.squeeze(last, 0)


def make_exclusion(
    row_ids: tf.Tensor | None, candidate_ids: tf.Tensor | None, mask: tf.Tensor | None
) -> NoExclusion:
    """Chooses the arrangement for what is given; ids are given together or not at all."""
    check_ids(row_ids, candidate_ids)
    if mask is not None:
        return ByMask(mask, row_ids, candidate_ids)
    if row_ids is None or candidate_ids is None:
        return NoExclusion()
    return ById(row_ids, candidate_ids)


def check_ids(row_ids: tf.Tensor | None, candidate_ids: tf.Tensor | None) -> None:
    """Raises where ids of one side alone are given."""
    if (row_ids is None) != (candidate_ids is None):
        raise ValueError(
            "`row_ids` and `candidate_ids` must be given together, received "
            f"row_ids={row_ids} and candidate_ids={candidate_ids}."
        )


def count_others(row_ids: tf.Tensor, candidate_ids: tf.Tensor) -> tf.Tensor:
    """Counts the candidates that have another id than the row, `[B]` float32."""
    first, last = _find(fingerprint(row_ids), _sort(candidate_ids)[1])
    return tf.cast(tf.size(candidate_ids) - (last - first), tf.float32)


def is_negative(row_ids: tf.Tensor, candidate_ids: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Returns the whole matrix `[B, N]` bool, for scores that are a whole matrix, too."""
    rows, columns = fingerprint(row_ids), fingerprint(candidate_ids)
    differ = tf.not_equal(tf.expand_dims(rows, 1), tf.expand_dims(columns, 0))
    return differ if mask is None else tf.logical_and(differ, mask)
