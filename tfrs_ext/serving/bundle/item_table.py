"""The items inside a bundle: ids, fields and tags."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfrs_ext.ops.positions import gather_or_pad
from tfrs_ext.serving.bundle.columns import signature_names
from tfrs_ext.serving.bundle.item_tags import ItemTags
from tfrs_ext.serving.bundle.row_lookup import RowLookup

SCORE = "score"


class ItemTable(tf.Module):
    """Translates between item ids and row numbers, and describes items by row.

    Args:
        ids: `[C]`.
        key: What the ids are called.
        fields: `{column: [C, ...]}`, returned beside the ids.
        tags: For filters, or None.
    """

    def __init__(
        self, ids: tf.Tensor, key: str, fields: Mapping[str, tf.Tensor], tags: ItemTags | None
    ) -> None:
        super().__init__(name="catalogue")
        self._names = signature_names([key, SCORE, *fields], "item_key and item_fields")
        self.key, self.score = self._names[key], self._names[SCORE]
        self.rows = RowLookup(ids, "`item_ids`")
        self._tags = tags
        if tags is not None and tags.count != len(ids):
            raise ValueError(
                f"`item_tags` must hold one sequence for each of {len(ids)} items, "
                f"received {tags.count}."
            )
        with tf.device("CPU"):
            self._ids = tf.Variable(ids, trainable=False)
            fields = {name: tf.Variable(values, trainable=False) for name, values in fields.items()}
        self._columns = {key: self._ids, **fields}

    @property
    def ids(self) -> tf.Variable:
        """`[C]`, the item ids."""
        return self._ids

    def spec(self) -> tf.TensorSpec:
        """Returns the specification of item ids `[B]` in a request."""
        return tf.TensorSpec([None], self.rows.dtype, name=self.key)

    @property
    def has_tags(self) -> bool:
        """Whether requests can filter."""
        return self._tags is not None

    def passes(self, rows: tf.Tensor, allow: tf.Tensor, deny: tf.Tensor) -> tf.Tensor:
        """Whether items pass a filter; see `Tags.passes`."""
        assert self._tags is not None
        return self._tags.passes(rows, allow, deny)

    def answer(self, scores: tf.Tensor, rows: tf.Tensor, k: Any = None) -> dict[str, tf.Tensor]:
        """Returns ids, scores and fields `[B, k]` by the names of the outputs."""
        rows = tf.ensure_shape(rows, [None, k])
        found = {name: gather_or_pad(column, rows) for name, column in self._columns.items()}
        found[SCORE] = tf.ensure_shape(scores, [None, k])
        return {self._names[name]: column for name, column in found.items()}
