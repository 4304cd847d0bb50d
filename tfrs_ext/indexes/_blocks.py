"""The best candidates of a corpus that is scored block by block."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfrs_ext.indexes._top_k import GROUP, top_k

Score = Callable[[Any, int], tf.Tensor]


def best_in_blocks(
    score: Score, embeddings: tf.Tensor, count: int, block_size: int, k: Any
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns scores and rows `[B, k]` of the best, equal scores in the order of the corpus.

    Args:
        score: From a first row, an int or a scalar tensor, and a number of rows to the scores
            `[B, rows]`.
        embeddings: `[B, D]`, for the shape.
        count: C, the size of the corpus.
        block_size: Candidates scored at a time, at most.
        k: Python int or int32 scalar tensor, 0 <= k <= C.
    """
    blocks = -(-count // block_size)
    size = count // blocks // GROUP * GROUP
    best = (embeddings[:, :0], tf.zeros_like(embeddings[:, :0], tf.int32))

    def add(best: Any, start: Any, rows: int) -> Any:
        scores, places = top_k(score(start, rows), k)
        return _merged(best, (scores, places + start), k)

    if blocks == 1 and size:
        best = add(best, 0, size)
    elif size:
        any_width = tf.TensorShape([embeddings.shape[0], None])
        _, best = tf.while_loop(
            lambda i, _: i < blocks,
            lambda i, best: (i + 1, add(best, i * size, size)),
            (tf.constant(0), best),
            shape_invariants=(tf.TensorShape([]), (any_width, any_width)),
            parallel_iterations=1,  # Several blocks at once would hold several score matrices.
        )
    if blocks * size < count:
        best = add(best, blocks * size, count - blocks * size)
    columns = None if tf.is_tensor(k) else k
    scores, rows = (tf.ensure_shape(part, [None, columns]) for part in best)
    return scores, rows


def block_of(values: tf.Tensor, start: Any, rows: int) -> tf.Tensor:
    """Returns rows of `values`, their number known to the graph."""
    return tf.ensure_shape(values[start : start + rows], [rows, *values.shape[1:]])


def _merged(best: Any, more: Any, k: Any) -> Any:
    if best[0].shape[1] == 0:
        return more
    scores, rows = (tf.concat(pair, axis=1) for pair in zip(best, more, strict=True))
    scores, places = tf.math.top_k(scores, tf.minimum(k, tf.shape(scores)[1]))
    return scores, tf.gather(rows, places, batch_dims=1)
