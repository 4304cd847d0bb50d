"""The k best of the candidates that pass a filter."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfrs_ext.indexes import Index
from tfrs_ext.ops.positions import keep_first

_GROWTH = 4


def filtered_search(
    index: Index,
    embeddings: tf.Tensor,
    k: tf.Tensor,
    exclude_rows: tf.Tensor,
    passes: Callable[[tf.Tensor], tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Searches for more and more candidates until k of each query are left, or none are left.

    Exact where the index is. Starts with 4 k candidates and takes 4 times as many in each round;
    the bound is the corpus, which a filter that few candidates pass is searched to the end for.

    Args:
        index: The index.
        embeddings: `[B, D]`.
        k: int32 scalar.
        exclude_rows: `[B, E]` int32.
        passes: From rows `[B, M]` to bool `[B, M]`.

    Returns:
        scores and rows `[B, min(k, C)]`, padded where fewer pass.
    """
    count = index.num_candidates
    k = index.num_results(k)
    any_shape = tf.TensorShape([None, None])

    def unfinished(wanted: tf.Tensor, _: Any, __: Any, kept: tf.Tensor) -> tf.Tensor:
        fewest = tf.reduce_min(tf.reduce_sum(tf.cast(kept, tf.int32), axis=1))
        # A batch of no queries has the largest int32 as minimum: nothing is left to do.
        return (wanted == 0) | ((fewest < k) & (wanted < count))

    def widen(wanted: tf.Tensor, *_: Any) -> Any:
        wanted = tf.minimum(tf.maximum(wanted, k) * _GROWTH, count)
        wanted = tf.maximum(wanted, 1)
        scores, rows = index.search(embeddings, wanted, exclude_rows)
        return wanted, scores, rows, passes(rows)

    nothing = (embeddings[:, :0], tf.zeros_like(embeddings[:, :0], tf.int32))
    _, scores, rows, kept = tf.while_loop(
        unfinished,
        widen,
        (tf.constant(0), *nothing, tf.zeros_like(embeddings[:, :0], tf.bool)),
        shape_invariants=(tf.TensorShape([]), any_shape, any_shape, any_shape),
    )
    return keep_first(scores, rows, ~kept, k)
