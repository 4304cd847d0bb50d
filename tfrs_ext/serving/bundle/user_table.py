"""The known users inside a bundle: their query features and what they have seen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext.serving.bundle.columns import as_tensor
from tfrs_ext.serving.bundle.row_lookup import RowLookup


class UserTable(tf.Module):
    """A table of query features by user id, with a last row for users that it doesn't know.

    Args:
        columns: `{column: [U, ...]}`, among them the id.
        key: The column of the user id.
        unknown: Values of an unknown user, by column.
        seen: `[U, (S)]` ragged int32 row numbers of items, or None.
    """

    def __init__(
        self,
        columns: Mapping[str, tf.Tensor],
        key: str,
        unknown: Mapping[str, Any],
        seen: tf.RaggedTensor | None = None,
    ) -> None:
        super().__init__(name="users")
        self.key = key
        self.ids = columns[key]
        self.seen_rows = seen
        self.lookup = RowLookup(self.ids, f"Users' ids, column {key!r},")
        with tf.device("CPU"):
            self._columns = {
                name: tf.Variable(_with_last(name, values, unknown.get(name)), trainable=False)
                for name, values in columns.items()
                if name != key
            }
            self._seen = self._splits = None
            if seen is not None:
                self._seen = tf.Variable(tf.cast(seen.values, tf.int32), trainable=False)
                splits = tf.concat([seen.row_splits, seen.row_splits[-1:]], axis=0)
                self._splits = tf.Variable(splits, trainable=False)

    @property
    def count(self) -> int:
        """U, without the unknown user."""
        return int(self.ids.shape[0])

    def features(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the query features `{column: [B, ...]}` of users `[B]`."""
        rows = self._rows(ids)
        # The id is the request's own, so that a tower treats an unknown one as it was trained to.
        return {self.key: ids, **{name: tf.gather(v, rows) for name, v in self._columns.items()}}

    def seen(self, ids: tf.Tensor) -> tf.Tensor | None:
        """Returns row numbers of the items that users have seen, `[B, S]` padded with -1."""
        if self._seen is None or self._splits is None:
            return None
        rows = self._rows(ids)
        starts, ends = tf.gather(self._splits, rows), tf.gather(self._splits, rows + 1)
        return (
            tf.ragged.range(starts, ends)
            .with_flat_values(tf.gather(self._seen, tf.ragged.range(starts, ends).flat_values))
            .to_tensor(-1)
        )

    def _rows(self, ids: tf.Tensor) -> tf.Tensor:
        rows = self.lookup(ids)
        return tf.where(rows < 0, self.count, rows)


def _with_last(name: str, values: tf.Tensor, unknown: Any) -> tf.Tensor:
    if unknown is None:
        unknown = _default(values)
    last = tf.broadcast_to(tf.cast(tf.convert_to_tensor(unknown), values.dtype), values.shape[1:])
    return tf.concat([values, last[None]], axis=0)


def _default(values: tf.Tensor) -> Any:
    if values.dtype == tf.string:
        return ""
    if values.dtype.is_floating:
        return np.float32(np.nan_to_num(np.nanmean(values.numpy(), axis=0)))
    return False if values.dtype == tf.bool else -1


def unknown_user(query_model: Any) -> dict[str, Any]:
    """Returns what a tower's features say about a user of whom nothing is known."""
    return {feature.name: feature.unknown for feature in getattr(query_model, "features", ())}


def ragged_rows(seen: Any, lookup: RowLookup) -> tf.RaggedTensor:
    """Returns users' seen item ids as row numbers `[U, (S)]`; ids outside the corpus are dropped.

    Args:
        seen: `[U, S]` array, a ragged tensor, or a sequence of U sequences of item ids.
        lookup: From item id to row number.
    """
    if not isinstance(seen, tf.RaggedTensor):
        lengths = [len(items) for items in seen]
        flat = [np.asarray(items) for items in seen if len(items)]
        none = np.zeros(0, lookup.dtype.as_numpy_dtype)
        values = as_tensor("seen", np.concatenate(flat) if flat else none)
        seen = tf.RaggedTensor.from_row_lengths(values, lengths)
    seen = seen.with_values(lookup(tf.cast(seen.values, lookup.dtype)))
    return tf.ragged.boolean_mask(seen, seen >= 0)
