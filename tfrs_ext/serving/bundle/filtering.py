"""The k best of the candidates that pass a filter.

An index knows nothing of filters. So it is asked for more than k candidates, and those that pass
are kept: first 4 k, then 4 times as many, while there is a query with fewer than k left. A filter
that few candidates pass would be searched to the end of the corpus so, and the sorted corpus of
every query take more time and memory than all else. Therefore the widening ends early, and the
queries that still lack candidates are scored against the whole corpus, block by block:

    candidates    0 ......... 4095 | 4096 ........ 8191 | ...
    each query    score, pass?     | score, pass?       |
    kept               k best  ->  k best of both  ->  k best of all
"""

from collections.abc import Callable

import tensorflow as tf

from tfrs_ext.indexes import Index
from tfrs_ext.ops.positions import is_in, keep_first, no_score

_GROWTH = 4
_WIDEST = 4096  # Candidates, or 4 k.
_BLOCK = 4096

Passes = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From positions `[Q, M]` and the numbers `[Q]` of their queries to bool `[Q, M]`."""


def filtered_search(
    index: Index, embeddings: tf.Tensor, k: tf.Tensor, excluded: tf.Tensor, passes: Passes
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns scores and positions `[B, min(k, C)]`, padded where fewer candidates pass.

    Args:
        index: The index.
        embeddings: `[B, D]`.
        k: int32 scalar.
        excluded: `[B, E]` int32 positions that are left out; -1 leaves out nothing.
        passes: The filter.
    """
    k = index.num_results(k)
    scores, positions = _search_wider(index, embeddings, k, excluded, passes)
    lacking = tf.reshape(tf.where(tf.reduce_any(positions < 0, axis=1)), [-1])
    found = _search_all(
        index, tf.gather(embeddings, lacking), k, tf.gather(excluded, lacking), passes, lacking
    )
    at = lacking[:, None]
    return (
        tf.tensor_scatter_nd_update(scores, at, found[0]),
        tf.tensor_scatter_nd_update(positions, at, found[1]),
    )


def _search_wider(
    index: Index, embeddings: tf.Tensor, k: tf.Tensor, excluded: tf.Tensor, passes: Passes
) -> tuple[tf.Tensor, tf.Tensor]:
    """Asks the index for more and more candidates, up to a bound."""
    queries = tf.range(tf.shape(embeddings)[0])
    widest = tf.minimum(tf.maximum(k * _GROWTH, _WIDEST), index.num_candidates)
    any_shape = tf.TensorShape([None, None])

    def is_unfinished(wanted: tf.Tensor, *found: tf.Tensor) -> tf.Tensor:
        # A batch of no queries has the largest int32 as minimum.
        fewest = tf.reduce_min(tf.reduce_sum(tf.cast(found[2], tf.int32), axis=1))
        return (wanted == 0) | ((wanted < widest) & (fewest < k))

    def widen(wanted: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, ...]:
        wanted = tf.clip_by_value(tf.maximum(wanted, k) * _GROWTH, 1, widest)
        scores, positions = index.search(embeddings, wanted, excluded)
        return wanted, scores, positions, passes(positions, queries)

    nothing = embeddings[:, :0]
    empty = (nothing, tf.cast(nothing, tf.int32), tf.cast(nothing, tf.bool))
    shapes = (tf.TensorShape([]), any_shape, any_shape, any_shape)
    _, scores, positions, kept = tf.while_loop(
        is_unfinished, widen, (tf.constant(0), *empty), shape_invariants=shapes
    )
    return keep_first(scores, positions, ~kept, k)


def _search_all(
    index: Index,
    embeddings: tf.Tensor,
    k: tf.Tensor,
    excluded: tf.Tensor,
    passes: Passes,
    queries: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores every candidate, a block at a time, and keeps the k best that pass."""
    count, rows = index.num_candidates, tf.size(queries)
    any_shape = tf.TensorShape([None, None])

    def is_unfinished(start: tf.Tensor, *_: tf.Tensor) -> tf.Tensor:
        return (rows > 0) & (start < count)

    def add(start: tf.Tensor, best: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        block = tf.range(start, tf.minimum(start + _BLOCK, count))
        positions = tf.tile(block[None], [rows, 1])
        kept = passes(positions, queries) & ~is_in(positions, excluded)
        scores = index.scores(embeddings, index.embeddings(block))
        scores = tf.concat([best, tf.where(kept, scores, no_score())], axis=1)
        positions = tf.concat([at, tf.where(kept, positions, -1)], axis=1)
        best, order = tf.math.top_k(scores, k)
        return start + _BLOCK, best, tf.gather(positions, order, batch_dims=1)

    nothing = (tf.fill([rows, k], no_score()), tf.fill([rows, k], -1))
    _, best, at = tf.while_loop(
        is_unfinished,
        add,
        (tf.constant(0), *nothing),
        shape_invariants=(tf.TensorShape([]), any_shape, any_shape),
        parallel_iterations=1,
    )
    return best, at
