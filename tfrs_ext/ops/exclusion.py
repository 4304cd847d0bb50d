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
"""

import tensorflow as tf

from tfrs_ext.ops.hashing import fingerprint


class NoExclusion:
    """Every candidate is a negative of every row."""

    moves = False  # Whether the strip is another one for each block.

    def order_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Arranges `values`, whose first axis is the rows."""
        return values

    def restore_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_rows`."""
        return values

    def order_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Arranges `values`, whose first axis is the candidates."""
        return values

    def restore_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_columns`."""
        return values

    def strip(
        self, start: int | tf.Tensor, stop: int | tf.Tensor
    ) -> tuple[int | tf.Tensor, int | tf.Tensor]:
        """Returns the first column of the strip of rows `start` to `stop`, and the one behind."""
        return 0, 0

    def valid(self, start: int | tf.Tensor, stop: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns which of the strip are negatives, `[b, m]` bool, and how many aren't, `[b]`."""
        rows = stop - start
        return tf.ones([rows, 0], tf.bool), tf.zeros([rows], tf.int32)


class ByMask(NoExclusion):
    """Candidates are excluded by a mask `[B, N]`, and by id where ids are given."""

    def __init__(
        self, mask: tf.Tensor, row_ids: tf.Tensor | None, candidate_ids: tf.Tensor | None
    ) -> None:
        self._mask = mask
        self._keys = None
        if row_ids is not None and candidate_ids is not None:
            self._keys = fingerprint(row_ids), fingerprint(candidate_ids)

    def strip(
        self, start: int | tf.Tensor, stop: int | tf.Tensor
    ) -> tuple[int | tf.Tensor, int | tf.Tensor]:
        """Returns all columns."""
        return 0, tf.shape(self._mask)[1]

    def valid(self, start: int | tf.Tensor, stop: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what mask and ids allow, and how many they don't."""
        valid = self._mask[start:stop]
        if self._keys is not None:
            rows, columns = self._keys
            valid = tf.logical_and(valid, rows[start:stop, None] != columns[None, :])
        return valid, tf.reduce_sum(tf.cast(tf.logical_not(valid), tf.int32), axis=1)


class ById(NoExclusion):
    """Candidates with the id of the row are excluded; both sides are sorted by id."""

    moves = True

    def __init__(self, row_ids: tf.Tensor, candidate_ids: tf.Tensor) -> None:
        columns = fingerprint(candidate_ids)
        self._column_order = tf.argsort(columns)
        self._columns = tf.gather(columns, self._column_order)
        if row_ids is candidate_ids:  # In-batch negatives: one order serves both sides.
            self._row_order, self._rows = self._column_order, self._columns
        else:
            rows = fingerprint(row_ids)
            self._row_order = tf.argsort(rows)
            self._rows = tf.gather(rows, self._row_order)
        # The columns that hold each row's id: from `_first` to before `_last`.
        # What is under `tf.searchsorted`, which takes 19 operations for lists that aren't batched.
        lists = {"sorted_inputs": self._columns[None], "values": self._rows[None]}
        self._first = tf.squeeze(tf.raw_ops.LowerBound(**lists), 0)
        self._last = tf.squeeze(tf.raw_ops.UpperBound(**lists), 0)

    def order_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Sorts the rows by id."""
        return tf.gather(values, self._row_order)

    def restore_rows(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_rows`."""
        return tf.gather(values, tf.math.invert_permutation(self._row_order))

    def order_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Sorts the candidates by id."""
        return tf.gather(values, self._column_order)

    def restore_columns(self, values: tf.Tensor) -> tf.Tensor:
        """Undoes `order_columns`."""
        return tf.gather(values, tf.math.invert_permutation(self._column_order))

    def strip(
        self, start: int | tf.Tensor, stop: int | tf.Tensor
    ) -> tuple[int | tf.Tensor, int | tf.Tensor]:
        """Returns the candidates from the first row's id to the last row's."""
        # A sum over one row, or over none: the last batch may leave a replica without rows.
        first = tf.reduce_sum(self._first[start : start + 1])
        return first, tf.reduce_sum(self._last[tf.maximum(stop - 1, 0) : stop])

    def valid(self, start: int | tf.Tensor, stop: int | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns where the ids differ, and how many are equal."""
        first, last = self.strip(start, stop)
        return self._rows[start:stop, None] != self._columns[None, first:last], self.hits[
            start:stop
        ]

    @property
    def hits(self) -> tf.Tensor:
        """How many candidates have the row's id, `[B]` int32, in the sorted order."""
        return self._last - self._first


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
    by_id = ById(row_ids, candidate_ids)
    return tf.cast(tf.size(candidate_ids) - by_id.restore_rows(by_id.hits), tf.float32)


def is_negative(row_ids: tf.Tensor, candidate_ids: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Returns the whole matrix `[B, N]` bool, for scores that are a whole matrix, too."""
    keys = fingerprint(row_ids), fingerprint(candidate_ids)
    differ = tf.not_equal(keys[0][:, None], keys[1][None, :])
    return differ if mask is None else tf.logical_and(differ, mask)
