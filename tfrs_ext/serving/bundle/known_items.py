"""The items inside a bundle: ids, fields and tags."""

from typing import Any

import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.ops.positions import gather_or_pad
from tfrs_ext.ops.row_lookup import RowLookup
from tfrs_ext.reranking import ItemTags
from tfrs_ext.serving.bundle.columns import as_columns, check_finite, signature_names
from tfrs_ext.serving.items import Items

_SCORE = "score"


class KnownItems(tf.Module):
    """Translates between item ids and positions, and describes items by position.

    Args:
        items: The items.
        ids: `[C]`, their ids.
    """

    def __init__(self, items: Items, ids: tf.Tensor) -> None:
        super().__init__(name="items")
        padding = "" if ids.dtype == tf.string else -1
        if bool(tf.reduce_any(ids == padding)):
            raise ValueError(
                f"`items` must not have the id {padding!r}, which fills places for which no item "
                f"is left, received it in column {items.item_id!r}."
            )
        fields = as_columns({items.item_id: ids, **(items.fields or {})}, "items.fields")
        if items.fields and items.item_id in items.fields:
            raise ValueError(
                f"`items.fields` must not hold the ids, which answers hold anyway, received "
                f"column {items.item_id!r}."
            )
        check_finite(fields, "items.fields")
        names = signature_names([items.item_id, _SCORE, *(items.fields or {})], "items.fields")
        self.key, self.score = names[items.item_id], names[_SCORE]
        self.positions = RowLookup(ids, "items", items.item_id)
        self.dtype = self.positions.dtype
        self.tags = None if items.tags is None else ItemTags(items.tags, int(ids.shape[0]))
        with tf.device("CPU"):
            self._columns = {
                names[column]: tf.Variable(values, trainable=False)
                for column, values in fields.items()
            }

    @property
    def ids(self) -> tf.Variable:
        """`[C]`, the item ids."""
        return self._columns[self.key]

    @property
    def count(self) -> int:
        """C, the number of items."""
        return int(self.ids.shape[0])

    def is_padding(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns where requests hold no id but padding, `""` or -1."""
        return tf.equal(ids, tf.constant("" if ids.dtype == tf.string else -1, ids.dtype))

    def examples(self, count: int) -> npt.NDArray[Any]:
        """Returns the ids of the first items."""
        ids: npt.NDArray[Any] = self.ids[:count].numpy()
        return ids

    def answer(
        self, scores: tf.Tensor, positions: tf.Tensor, k: int | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns ids, scores and fields `[B, k]` by the names of the outputs."""
        positions = tf.ensure_shape(positions, [None, k])
        found = {name: gather_or_pad(column, positions) for name, column in self._columns.items()}
        return {**found, self.score: tf.ensure_shape(scores, [None, k])}
