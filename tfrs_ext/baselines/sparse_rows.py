"""A sparse matrix whose rows are looked up and added: the lists of a baseline."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.baselines.taken_items import TakenItems, sum_by_column

Ints = npt.NDArray[np.signedinteger[Any]]

_CELLS_IN_BLOCK = 2**22


@keras.saving.register_keras_serializable(package="tfrs_ext")
class SparseRows(keras.layers.Layer):
    """Rows of pairs of a column and a weight, as many as each row has.

    The pairs of all rows stand behind each other; row r are those from `splits[r]` to
    `splits[r + 1]`. The memory is 8 bytes a pair, and a saved model holds as many as were learnt.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self._splits = growing("splits", tf.int64, [0])
        self._columns = growing("columns", tf.int32)
        self._weights_of_pairs = growing("weights", tf.float32)

    def assign(
        self, rows: Ints, columns: Ints, weights: npt.NDArray[Any], num_rows: int | np.integer[Any]
    ) -> None:
        """Takes the place of what was there.

        Args:
            rows: `[N]`, the row of each pair, in any order.
            columns: `[N]`, its column.
            weights: `[N]`, its weight.
            num_rows: The number of rows.
        """
        order = np.argsort(rows, kind="stable")
        counts = np.bincount(rows, minlength=num_rows)
        self._splits.assign(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        self._columns.assign(columns[order].astype(np.int32))
        self._weights_of_pairs.assign(weights[order].astype(np.float32))

    def add_up(
        self, asked: TakenItems, weights: tf.Tensor | None, width: int | tf.Tensor
    ) -> tf.Tensor:
        """Returns the sums of the rows that each query asks for, `[B, width]` float32.

        `sums(query, c) = Σ_{r asked by the query} weight · row r's weight of c`

        Args:
            asked: The rows that each query asks for, in the place of positions.
            weights: `[P]` float32, the weights of these rows; None for ones.
            width: The number of columns.
        """
        splits, lengths = self._splits, self._splits[1:] - self._splits[:-1]
        longest = tf.maximum(tf.reduce_max(tf.concat([lengths, [1]], 0)), 1)
        step = tf.cast(tf.maximum(_CELLS_IN_BLOCK // longest, 1), tf.int32)
        wanted, queries = tf.size(asked.positions), tf.range(asked.count + 1)

        def add(begin: tf.Tensor, sums: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            block = slice(begin, begin + step)
            rows = asked.positions[block]
            pairs = tf.ragged.range(tf.gather(splits, rows), tf.gather(splits, rows + 1))
            # Where the pairs of each query begin: its first row's first pair.
            first = tf.searchsorted(asked.owners[block], queries)
            amounts = tf.gather(self._weights_of_pairs, pairs.values)
            if weights is not None:
                amounts *= tf.gather(weights[block], pairs.value_rowids())
            columns = tf.gather(self._columns, pairs.values)
            found = sum_by_column(tf.gather(pairs.row_splits, first), columns, amounts, width)
            return begin + step, sums + found

        start = tf.zeros([asked.count, width])
        _, sums = tf.while_loop(
            lambda begin, _: begin < wanted,
            add,
            (tf.constant(0), start),
            shape_invariants=(tf.TensorShape([]), start.shape),
            parallel_iterations=1,
        )
        return sums


def growing(name: str, dtype: tf.DType, value: Any = ()) -> tf.Variable:
    """Returns a variable `[N]` whose length is known once something is learnt."""
    initial = tf.constant(value, dtype)
    return tf.Variable(initial, shape=[None] * initial.shape.rank, trainable=False, name=name)
