"""Which items a request lets pass: by tags, and by a list of ids."""

from collections.abc import Callable

import tensorflow as tf

from tfrs_ext.ops.positions import is_in
from tfrs_ext.serving.bundle.known_items import KnownItems


def make_filter(
    items: KnownItems, allow: tf.Tensor, deny: tf.Tensor, candidates: tf.Tensor
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Returns a function from positions `[b, M]` and the numbers `[b]` of queries to bool `[b, M]`.

    Args:
        items: The items, which have tags.
        allow: `[B, A]` tags, one of which an item must bear; `""` alone allows all.
        deny: `[B, A]` tags that an item mustn't bear.
        candidates: `[B, E]` ids of the only items that pass; padding alone allows all.
    """
    tags = items.tags
    assert tags is not None
    listed = items.positions(candidates)
    # An unknown id is in the list, too: a row of such ids allows nothing.
    takes_all = tf.reduce_all(items.is_padding(candidates), axis=1, keepdims=True)

    def passes(positions: tf.Tensor, queries: tf.Tensor) -> tf.Tensor:
        of_queries = (tf.gather(wanted, queries) for wanted in (allow, deny))
        is_listed = tf.gather(takes_all, queries) | is_in(positions, tf.gather(listed, queries))
        return is_listed & tags.passes(positions, *of_queries)

    return passes
