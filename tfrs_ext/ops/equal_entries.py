"""Equal entries within a row: which is the first, how many come before, what they sum up to.

Rows are sorted, so that equal entries stand together, and the answers are put back in their places:

    entries        7  3  7  7  3
    sorted         3  3  7  7  7
    run begins     0  0  2  2  2        place - begin = how many equal ones come before
"""

import tensorflow as tf


def count_before(entries: tf.Tensor) -> tf.Tensor:
    """Returns how many entries of the same value stand before each one in its row.

    Args:
        entries: `[B, M]` int32.

    Returns:
        `[B, M]` int32; 0 for the first of its value.
    """
    order, begins = _sort_rows(entries)
    places = tf.broadcast_to(tf.range(tf.shape(entries)[1])[None], tf.shape(entries))
    return _put_back(places - begins, order)


def sum_equal(entries: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns, for each entry, the sum of the values of all equal entries in its row.

    Args:
        entries: `[B, M]` int32.
        values: `[B, M]` numbers.

    Returns:
        `[B, M]` of the dtype of `values`.
    """
    order, begins = _sort_rows(entries)
    rows, width = tf.shape(entries)[0], tf.shape(entries)[1]
    runs = tf.reshape(tf.range(rows)[:, None] * width + begins, [-1])
    ordered = tf.reshape(tf.gather(values, order, batch_dims=1), [-1])
    sums = tf.gather(tf.math.unsorted_segment_sum(ordered, runs, rows * width), runs)
    return _put_back(tf.reshape(sums, [rows, width]), order)


def _sort_rows(entries: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the order `[B, M]` of each row, and where the run of each sorted entry begins."""
    entries = tf.convert_to_tensor(entries)
    order = tf.argsort(entries, axis=1, stable=True)
    ordered = tf.gather(entries, order, batch_dims=1)
    # A search wants at least one column: add one behind all others, and leave it out again.
    widened = tf.pad(ordered, [[0, 0], [0, 1]], constant_values=entries.dtype.max)
    return order, tf.searchsorted(widened, widened)[:, :-1]


def _put_back(ordered: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    return tf.gather(ordered, tf.argsort(order, axis=1), batch_dims=1)
