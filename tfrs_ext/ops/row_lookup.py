"""From ids to the numbers of their rows, in the graph."""

import tensorflow as tf

_PADDING = {tf.int32: -1, tf.int64: -1, tf.string: ""}


class RowLookup(tf.Module):
    """A hash table from ids to their row numbers; ids that it lacks have row -1.

    Args:
        ids: `[C]` int32, int64 or string, unique.
        argument: The argument that the ids come from, for errors.
        column: The column that the ids come from, for errors.
    """

    def __init__(self, ids: tf.Tensor, argument: str, column: str) -> None:
        super().__init__(name="row_lookup")
        self.dtype = ids.dtype
        _check_ids(ids, f"Column {column!r} of `{argument}`")
        rows = tf.range(tf.size(ids, tf.int64), dtype=tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(_keys(ids), rows)
        self._table = tf.lookup.StaticHashTable(initializer, -1)

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the row numbers, int32 of the ids' shape."""
        # A lookup forgets the shape in the saved graph, where converters need it.
        return tf.cast(tf.ensure_shape(self._table.lookup(_keys(ids)), ids.shape), tf.int32)


def _keys(ids: tf.Tensor) -> tf.Tensor:
    # Hash tables take int64 and string keys only.
    return tf.cast(ids, tf.int64) if ids.dtype == tf.int32 else ids


def _check_ids(ids: tf.Tensor, what: str) -> None:
    if ids.shape.rank != 1 or ids.dtype not in _PADDING:
        raise ValueError(
            f"{what} must be int32, int64 or string of shape [C], received "
            f"dtype={ids.dtype.name}, shape={ids.shape}."
        )
    unique, _, counts = tf.unique_with_counts(ids)
    twice = tf.boolean_mask(unique, counts > 1).numpy().tolist()
    if twice:
        raise ValueError(
            f"{what} must be unique, received {len(twice)} more than once: {twice[:10]}."
        )
