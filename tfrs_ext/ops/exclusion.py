"""Which candidates are no negatives of a row, arranged so that a block has few to look at.

Rows and candidates are put in an order in which the exclusions of a block of rows lie in one range
of columns, `near`; all other columns, `far`, are negatives of every row of the block. So only a
narrow strip of the scores is ever compared and masked.
"""

from typing import Any

import tensorflow as tf


class NoExclusion:
    """Every candidate is a negative of every row."""

    moves = False  # Whether `near` differs between blocks.

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

    def near(self, start: Any, stop: Any) -> tuple[Any, Any]:
        """Returns the first and behind the last column of `near`, for rows `start` to `stop`."""
        return 0, 0

    def valid(self, start: Any, stop: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns which of `near` are negatives, `[b, m]` bool, and how many are not, `[b]`."""
        rows = stop - start
        return tf.ones([rows, 0], tf.bool), tf.zeros([rows], tf.int32)


class ByMask(NoExclusion):
    """Candidates are excluded by a mask `[B, N]`, and by id where ids are given."""

    def __init__(self, mask: tf.Tensor, row_ids: Any, candidate_ids: Any) -> None:
        self._mask = mask
        self._ids = _as_numbers(row_ids, candidate_ids)

    def near(self, start: Any, stop: Any) -> tuple[Any, Any]:
        """All columns."""
        return 0, tf.shape(self._mask)[1]

    def valid(self, start: Any, stop: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """What mask and ids allow."""
        valid = self._mask[start:stop]
        if self._ids is not None:
            rows, columns = self._ids
            valid = tf.logical_and(valid, rows[start:stop, None] != columns[None, :])
        return valid, tf.reduce_sum(tf.cast(tf.logical_not(valid), tf.int32), axis=1)


class ById(NoExclusion):
    """Candidates with the id of the row are excluded; both sides are sorted by id."""

    moves = True

    def __init__(self, row_ids: tf.Tensor, candidate_ids: tf.Tensor) -> None:
        rows, columns = _as_numbers(row_ids, candidate_ids)
        self._column_order = tf.argsort(columns)
        self._columns = tf.gather(columns, self._column_order)
        is_batch = row_ids is candidate_ids  # In-batch negatives: one order for both.
        self._row_order = self._column_order if is_batch else tf.argsort(rows)
        self._rows = self._columns if is_batch else tf.gather(rows, self._row_order)
        self._first = tf.searchsorted(self._columns, self._rows, side="left")
        self._last = tf.searchsorted(self._columns, self._rows, side="right")

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

    def near(self, start: Any, stop: Any) -> tuple[Any, Any]:
        """The candidates from the first row's id to the last row's."""
        return self._first[start], self._last[stop - 1]

    def valid(self, start: Any, stop: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Where the ids differ."""
        first, last = self.near(start, stop)
        excluded = self._last[start:stop] - self._first[start:stop]
        return self._rows[start:stop, None] != self._columns[None, first:last], excluded


def make_exclusion(row_ids: Any, candidate_ids: Any, mask: Any) -> NoExclusion:
    """Chooses the arrangement for what is given; ids are given together or not at all."""
    if (row_ids is None) != (candidate_ids is None):
        raise ValueError(
            "`row_ids` and `candidate_ids` must be given together, received "
            f"row_ids={row_ids} and candidate_ids={candidate_ids}."
        )
    if mask is not None:
        return ByMask(mask, row_ids, candidate_ids)
    return NoExclusion() if row_ids is None else ById(row_ids, candidate_ids)


def _as_numbers(row_ids: Any, candidate_ids: Any) -> Any:
    """Numbers that are equal where ids are, so that strings are read once."""
    if row_ids is None or row_ids.dtype.is_integer:
        return None if row_ids is None else (row_ids, candidate_ids)
    numbers = tf.unique(tf.concat([row_ids, candidate_ids], axis=0)).idx
    rows = tf.shape(row_ids)[0]
    return numbers[:rows], numbers[rows:]
