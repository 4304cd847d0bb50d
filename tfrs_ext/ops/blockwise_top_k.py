"""The best candidates of a corpus that is scored block by block.

    corpus     | block 0 | block 1 | block 2 | rest |
    scores          B x block at a time, never B x C
    best       top k of block 0 -> merged with the top k of block 1 -> ... -> of the rest

All blocks but the rest have one size, a multiple of `GROUP`, so that the loop is one small graph.
"""

from collections.abc import Callable
from typing import Union

import tensorflow as tf

from tfrs_ext.ops.grouped_top_k import GROUP, is_small, top_k

Start = Union[int, tf.Tensor]
Best = tuple[tf.Tensor, tf.Tensor]
ScoreBlock = Callable[[Start, int], tf.Tensor]
"""From a first position, and how many, to the scores `[B, how many]`."""


def blockwise_top_k(
    score: ScoreBlock, embeddings: tf.Tensor, count: int, block_size: int, k: int | tf.Tensor
) -> Best:
    """Returns scores and positions `[B, k]` of the best, equal scores in the order of the corpus.

    Args:
        score: Scores a block of the corpus.
        embeddings: `[B, D]`, for the shape.
        count: C, the size of the corpus.
        block_size: Candidates scored at a time, at most.
        k: Python int or int32 scalar tensor, 0 <= k <= C.
    """
    if count <= block_size and is_small(embeddings, count):
        return top_k(score(0, count), k)
    blocks = -(-count // block_size)
    size = count // blocks // GROUP * GROUP
    best = (embeddings[:, :0], tf.zeros_like(embeddings[:, :0], tf.int32))

    def add(best: Best, start: Start, size: int) -> Best:
        scores, columns = top_k(score(start, size), k)
        return _merge(best, (scores, columns + start), k)

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
    columns = k if isinstance(k, int) else None
    scores, positions = (tf.ensure_shape(part, [None, columns]) for part in best)
    return scores, positions


def take_block(values: tf.Tensor, start: Start, size: int) -> tf.Tensor:
    """Returns `size` entries of `values` from `start` on, their number known to the graph."""
    if isinstance(start, int) and start == 0 and size == values.shape[0]:
        return values
    return tf.ensure_shape(values[start : start + size], [size, *values.shape[1:]])


def _merge(best: Best, more: Best, k: int | tf.Tensor) -> Best:
    if best[0].shape[1] == 0:
        return more
    scores, positions = (tf.concat(pair, axis=1) for pair in zip(best, more, strict=True))
    scores, columns = tf.math.top_k(scores, tf.minimum(k, tf.shape(scores)[1]))
    return scores, tf.gather(positions, columns, batch_dims=1)
