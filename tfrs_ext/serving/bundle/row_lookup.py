"""From ids to row numbers, in the graph."""

import tensorflow as tf


class RowLookup(tf.Module):
    """A hash table from ids to their row numbers; ids that it lacks have row -1.

    Args:
        ids: `[C]` int32, int64 or string, unique.
        what: What the ids are, for errors.
    """

    def __init__(self, ids: tf.Tensor, what: str) -> None:
        super().__init__(name="row_lookup")
        if ids.shape.rank != 1 or ids.dtype not in (tf.int32, tf.int64, tf.string):
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
        self.dtype = ids.dtype
        # Hash tables take int64 and string keys only.
        keys = tf.cast(ids, tf.int64) if ids.dtype == tf.int32 else ids
        rows = tf.range(tf.size(ids, tf.int64), dtype=tf.int64)
        self._table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, rows), -1)

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the row numbers, int32 of the ids' shape."""
        keys = tf.cast(ids, tf.int64) if ids.dtype == tf.int32 else ids
        # A lookup forgets the shape in the saved graph, where converters need it.
        return tf.cast(tf.ensure_shape(self._table.lookup(keys), ids.shape), tf.int32)
