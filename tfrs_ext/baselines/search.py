"""The best candidates by scores of all candidates, a block of queries at a time."""

from collections.abc import Callable

import tensorflow as tf

from tfrs_ext.ops.positions import NO_POSITION, no_score

_SCORES_IN_BLOCK = 2**24

Passes = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From positions `[b, C]` and the numbers `[b]` of their queries to bool `[b, C]`."""


def best_in_blocks(
    score: Callable[[tf.Tensor], tf.Tensor],
    excluded: tf.Tensor,
    k: int | tf.Tensor,
    num_candidates: int | tf.Tensor,
    passes: Passes | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns scores and positions `[B, min(k, C)]`, best first, of equals the first.

    No more than 64 MiB of scores are held at a time.

    Args:
        score: From the numbers `[b]` of some queries to scores `[b, C]`.
        excluded: `[B, E]` int32 positions that are left out; -1 leaves out nothing.
        k: The number of candidates.
        num_candidates: The number of candidates, C.
        passes: Which candidates may be shown; None for all.
    """
    count = tf.shape(excluded)[0]
    step = tf.maximum(_SCORES_IN_BLOCK // num_candidates, 1)
    wanted = tf.clip_by_value(tf.cast(k, tf.int32), 0, num_candidates)
    is_static = isinstance(k, int) and isinstance(num_candidates, int)
    width = min(k, num_candidates) if is_static else None
    shape = tf.TensorShape([None, width])

    def find(begin: tf.Tensor, scores: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        queries = tf.range(begin, tf.minimum(begin + step, count))
        found = _without(score(queries), tf.gather(excluded, queries))
        if passes is not None:
            everything = tf.tile(tf.range(num_candidates)[None], [tf.size(queries), 1])
            found = tf.where(passes(everything, queries), found, no_score())
        best, positions = tf.math.top_k(found, wanted)
        positions = tf.where(best == no_score(), NO_POSITION, positions)
        return begin + step, tf.concat([scores, best], 0), tf.concat([at, positions], 0)

    nothing = (tf.zeros([0, wanted]), tf.zeros([0, wanted], tf.int32))
    _, scores, positions = tf.while_loop(
        lambda begin, *_: begin < count,
        find,
        (tf.constant(0), *nothing),
        shape_invariants=(tf.TensorShape([]), shape, shape),
        parallel_iterations=1,
    )
    return tf.ensure_shape(scores, shape), tf.ensure_shape(positions, shape)


def _without(scores: tf.Tensor, excluded: tf.Tensor) -> tf.Tensor:
    cells = tf.cast(tf.where(excluded >= 0), tf.int32)
    columns = tf.gather_nd(excluded, cells)
    at = tf.stack([cells[:, 0], columns], axis=1)
    lowest = tf.fill([tf.shape(at)[0]], no_score())
    return tf.tensor_scatter_nd_update(scores, at, lowest)
