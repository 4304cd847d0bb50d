"""Attributes of items by which requests allow or deny them."""

from collections.abc import Sequence

import tensorflow as tf

from tfrs_ext.ops.positions import gather_or_pad, is_in
from tfrs_ext.ops.row_lookup import RowLookup

_NONE = -2  # No item bears it, not even as padding.
_FEW = 8


class ItemTags(tf.Module):
    """The tags of each item, as numbers.

    Args:
        tags: One sequence of strings for each of the items.
        count: C, the number of items.
    """

    def __init__(self, tags: Sequence[Sequence[str]], count: int) -> None:
        super().__init__(name="tags")
        if len(tags) != count:
            raise ValueError(
                f"`items.tags` must hold one sequence for each of {count} items, received "
                f"{len(tags)}."
            )
        texts = [row for row in tags if isinstance(row, (str, bytes))]
        if texts:
            raise ValueError(
                f"`items.tags` must hold a sequence of strings for each item, received the string "
                f"{texts[0]!r}: split it."
            )
        ragged = tf.ragged.constant(
            [[tag for tag in row if tag] for row in tags], dtype=tf.string, ragged_rank=1
        )
        # With "", which no item bears, the table is never empty: TensorFlow has no empty ones.
        known = tf.concat([tf.unique(ragged.values).y, [""]], axis=0)
        self._lookup = RowLookup(known, "items.tags", "tags")
        with tf.device("CPU"):
            numbers = ragged.with_values(self._lookup(ragged.values))
            self._tags = tf.Variable(numbers.to_tensor(-1), trainable=False)

    def passes(self, positions: tf.Tensor, allow: tf.Tensor, deny: tf.Tensor) -> tf.Tensor:
        """Whether items bear an allowed tag, or all are allowed, and no denied one.

        Args:
            positions: `[B, M]` int32; -1 never passes.
            allow: `[B, A]` strings; `""` is padding, and a row of padding allows all.
            deny: `[B, A]` strings; `""` is padding.

        Returns:
            `[B, M]` bool.
        """
        tags = gather_or_pad(self._tags, positions)
        all_allowed = tf.reduce_all(allow == "", axis=1, keepdims=True)
        allowed = all_allowed | self._bears(tags, allow)
        return (positions >= 0) & allowed & ~self._bears(tags, deny)

    def _bears(self, tags: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        """Whether any of the tags `[B, M, T]` is among the wanted ones `[B, A]`."""
        numbers = self._lookup(wanted)
        numbers = tf.where(numbers < 0, _NONE, numbers)
        # Few are compared one after the other, which is several times as fast as a search in many.
        return tf.cond(
            tf.shape(numbers)[1] <= _FEW,
            lambda: _is_any_of_few(tags, numbers),
            lambda: _is_any_of_many(tags, numbers),
        )


def _is_any_of_few(tags: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    def add(found: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return found | tf.reduce_any(tags == number[:, None, None], axis=2)

    nothing = tf.zeros(tf.shape(tags)[:2], tf.bool)
    return tf.foldl(add, tf.transpose(numbers), nothing)


def _is_any_of_many(tags: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    shape = tf.shape(tags)
    found = is_in(tf.reshape(tags, [shape[0], shape[1] * shape[2]]), numbers)
    return tf.reduce_any(tf.reshape(found, shape), axis=2)
