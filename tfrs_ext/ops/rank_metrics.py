"""Metrics at k of ranked positives, exact in expectation where scores tie.

Each takes all cut-offs at once, and returns a column for each.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from tfrs_ext.ops.tie_groups import TieGroups
from tfrs_ext.ops.tied_ranks import MISSED

_FLOAT = tf.float64


def hit_rate(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    """Returns `[Q, K]` probabilities that at least one positive is among the first k."""
    size, positives, inside = _floats(*_columns(groups.size, groups.positives), _inside(groups, ks))
    others = size - positives
    missed = tf.exp(_log_choose(others, inside) - _log_choose(size, inside))
    missed = tf.where(inside > others, tf.zeros_like(missed), missed)
    return 1 - tf.math.unsorted_segment_prod(missed, groups.query, _queries(groups))


def recall(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    """Returns `[Q, K]`: positives among the first k, over all positives."""
    return tf.math.divide_no_nan(_hits(groups, ks), *_floats(*_columns(groups.total)))


def precision(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    """Returns `[Q, K]`: positives among the first k, over k."""
    return _hits(groups, ks) / tf.constant(ks, _FLOAT)


def ndcg(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    """Returns `[Q, K]`: `Σ 1/log2(rank + 1)` of positives among the first k, over its maximum."""
    places = tf.range(1, max(ks) + 1)
    table = _running(
        tf.math.log(_FLOAT.as_numpy_dtype(2)) / tf.math.log(tf.cast(places + 1, _FLOAT))
    )
    positives, size = _floats(*_columns(groups.positives, groups.size))
    gains = positives / size * _between(table, groups, ks)
    best = tf.gather(table, tf.minimum(*_columns(groups.total), tf.constant(ks)))
    return tf.math.divide_no_nan(_sum(gains, groups), best)


def mean_average_precision(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    """Returns `[Q, K]`: precisions at the positives among the first k, summed, over min(P, k)."""
    above, size, positives, earlier, inside = _floats(
        *_columns(groups.above, groups.size, groups.positives, groups.earlier), _inside(groups, ks)
    )
    harmonic = _between(_running(1 / tf.range(1, max(ks) + 1)), groups, ks)
    # At the group's j-th place: earlier + 1 + (j - 1)(positives - 1)/(size - 1) hits so far.
    slope = tf.math.divide_no_nan(positives - 1, size - 1)
    hits = (earlier + 1) * harmonic + slope * (inside - (above + 1) * harmonic)
    best = tf.cast(tf.minimum(*_columns(groups.total), tf.constant(ks)), _FLOAT)
    return tf.math.divide_no_nan(_sum(positives / size * hits, groups), best)


def reciprocal_rank(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    """Returns `[Q, K]`: one over the rank of the first positive, 0 where it isn't among the k."""
    leading = tf.boolean_mask(tf.stack(groups[:4], axis=1), tf.equal(groups.earlier, 0))
    query, *columns = tf.unstack(leading, axis=-1)
    above, size, positives = _columns(*columns)
    # The first of its positives stands at one of the group's places 1 to size - positives + 1.
    last = tf.reduce_max(tf.concat([[0], tf.reshape(size - positives + 1, [-1])], axis=0))
    places = tf.range(1, tf.minimum(last, max(ks)) + 1)[tf.newaxis]
    reached = places <= size - positives + 1
    until = tf.clip_by_value(tf.constant(ks) - above, 0, tf.shape(places)[1])
    above, size, positives, places = _floats(above, size, positives, places)
    chance = _log_choose(size - places, positives - 1) - _log_choose(size, positives)
    values = tf.where(reached, tf.exp(chance) / (above + places), tf.zeros_like(chance))
    running = tf.pad(tf.cumsum(values, axis=1), [[0, 0], [1, 0]])
    return tf.math.unsorted_segment_sum(
        tf.gather(running, until, batch_dims=1), query, _queries(groups)
    )


def first_rank(groups: TieGroups) -> tf.Tensor:
    """Returns `[Q]`: the rank of the query's best positive; NaN without any, inf if it's missed."""
    above, size, positives = _floats(groups.above, groups.size, groups.positives)
    rank = above + (size + 1) / (positives + 1)
    rank = tf.math.unsorted_segment_min(rank, groups.query, _queries(groups))
    rank = tf.where(rank < MISSED // 2, rank, tf.constant(float("inf"), _FLOAT))
    return tf.where(groups.total > 0, rank, tf.constant(float("nan"), _FLOAT))


AT_K: dict[str, Callable[[TieGroups, Sequence[int]], tf.Tensor]] = {
    "hit_rate": hit_rate,
    "recall": recall,
    "precision": precision,
    "ndcg": ndcg,
    "map": mean_average_precision,
    "mrr": reciprocal_rank,
}


def _queries(groups: TieGroups) -> tf.Tensor:
    return tf.shape(groups.total)[0]


def _floats(*columns: tf.Tensor) -> list[tf.Tensor]:
    return [tf.cast(column, _FLOAT) for column in columns]


def _sum(values: tf.Tensor, groups: TieGroups) -> tf.Tensor:
    return tf.math.unsorted_segment_sum(values, groups.query, _queries(groups))


def _columns(*parts: tf.Tensor) -> list[tf.Tensor]:
    """Makes `[n, 1]` of `[n]`, to be set against the cut-offs `[K]`."""
    return [part[:, tf.newaxis] for part in parts]


def _inside(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    above, size = _columns(groups.above, groups.size)
    return tf.clip_by_value(tf.constant(ks) - above, 0, size)


def _hits(groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    positives, size, inside = _floats(*_columns(groups.positives, groups.size), _inside(groups, ks))
    return _sum(positives * inside / size, groups)


def _running(values: tf.Tensor) -> tf.Tensor:
    return tf.concat([tf.zeros([1], _FLOAT), tf.cumsum(tf.cast(values, _FLOAT))], axis=0)


def _between(table: tf.Tensor, groups: TieGroups, ks: Sequence[int]) -> tf.Tensor:
    """Sums a discount over those places of each group that are among the first k."""
    begin = tf.minimum(*_columns(groups.above), tf.constant(ks))
    return tf.gather(table, begin + _inside(groups, ks)) - tf.gather(table, begin)


def _log_choose(n: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """Returns log C(n, k); callers mask what lies outside 0 ≤ k ≤ n."""
    n = tf.maximum(n, 0.0)
    k = tf.minimum(tf.maximum(k, 0.0), n)
    return tf.math.lgamma(n + 1) - tf.math.lgamma(k + 1) - tf.math.lgamma(n - k + 1)
