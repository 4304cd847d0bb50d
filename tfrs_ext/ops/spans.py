"""A run of rows that is cut from several tensors: its ends become operations once, not each time.

`values[start:stop]` makes four operations in a graph, three of which say where to cut.
"""

import tensorflow as tf


class Span:
    """The rows from `start` to before `stop`.

    Args:
        start: The first row, a number or scalar tensor.
        stop: The row behind the last one.
    """

    def __init__(self, start: int | tf.Tensor, stop: int | tf.Tensor) -> None:
        self.start = start
        self._begin, self._end = (tf.stack([tf.cast(edge, tf.int32)]) for edge in (start, stop))
        self._strides = tf.constant([1])

    def of(self, values: tf.Tensor) -> tf.Tensor:
        """Returns these rows of `values`, whose first axis is the rows."""
        cut = tf.strided_slice(values, self._begin, self._end, self._strides)
        # A branch of a condition forgets the rank, and products of unknown ranks are slower.
        cut.set_shape(tf.TensorShape([None]).concatenate(values.shape[1:]))
        return cut


def size(values: tf.Tensor, axis: int = 0) -> int | tf.Tensor:
    """Returns the size of one axis: a number where it is known, else a scalar tensor."""
    values = tf.convert_to_tensor(values)
    known = values.shape[axis] if values.shape.rank is not None else None
    if known is not None:
        return int(known)
    if values.shape.rank is None:
        return tf.shape(values)[axis]
    # One or two operations; an index of a shape takes five.
    return tf.size(values) if values.shape.rank == 1 else tf.unstack(tf.shape(values))[axis]


def sizes(values: tf.Tensor) -> list[int | tf.Tensor]:
    """Returns the size of each axis: a number where it is known, else a scalar tensor."""
    known = values.shape.as_list()
    if None not in known:
        return list(known)
    found = tf.unstack(tf.shape(values))
    return [there if size is None else size for size, there in zip(known, found, strict=True)]
