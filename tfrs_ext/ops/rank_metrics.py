"""Metrics at k of ranked positives, exact in expectation where scores tie."""

from collections.abc import Callable

import tensorflow as tf

from tfrs_ext.ops.tie_groups import TieGroups
from tfrs_ext.ops.tied_ranks import MISSED

_FLOAT = tf.float64


def hit_rate(groups: TieGroups, k: int) -> tf.Tensor:
    """Returns `[Q]` probabilities that at least one positive is among the first k."""
    size, positives, inside = _floats(groups.size, groups.positives, _inside(groups, k))
    others = size - positives
    missed = tf.exp(_log_choose(others, inside) - _log_choose(size, inside))
    missed = tf.where(inside > others, tf.zeros_like(missed), missed)
    return 1 - tf.math.unsorted_segment_prod(missed, groups.query, _queries(groups))


def recall(groups: TieGroups, k: int) -> tf.Tensor:
    """Returns `[Q]`: positives among the first k, over all positives."""
    return tf.math.divide_no_nan(_hits(groups, k), tf.cast(groups.total, _FLOAT))


def precision(groups: TieGroups, k: int) -> tf.Tensor:
    """Returns `[Q]`: positives among the first k, over k."""
    return _hits(groups, k) / k


def ndcg(groups: TieGroups, k: int) -> tf.Tensor:
    """Returns `[Q]`: `Σ 1/log2(rank + 1)` of the positives among the first k, over its maximum."""
    places = tf.range(1, k + 1)
    table = _running(
        tf.math.log(_FLOAT.as_numpy_dtype(2)) / tf.math.log(tf.cast(places + 1, _FLOAT))
    )
    positives, size = _floats(groups.positives, groups.size)
    gains = positives / size * _between(table, groups, k)
    best = tf.gather(table, tf.minimum(groups.total, k))
    return tf.math.divide_no_nan(_sum(gains, groups), best)


def mean_average_precision(groups: TieGroups, k: int) -> tf.Tensor:
    """Returns `[Q]`: the precision at each positive among the first k, summed, over min(P, k)."""
    above, size, positives, earlier, inside = _floats(
        groups.above, groups.size, groups.positives, groups.earlier, _inside(groups, k)
    )
    harmonic = _between(_running(1 / tf.range(1, k + 1)), groups, k)
    # At the group's j-th place: earlier + 1 + (j - 1)(positives - 1)/(size - 1) hits so far.
    slope = tf.math.divide_no_nan(positives - 1, size - 1)
    hits = (earlier + 1) * harmonic + slope * (inside - (above + 1) * harmonic)
    best = tf.cast(tf.minimum(groups.total, k), _FLOAT)
    return tf.math.divide_no_nan(_sum(positives / size * hits, groups), best)


def reciprocal_rank(groups: TieGroups, k: int) -> tf.Tensor:
    """Returns `[Q]`: one over the rank of the first positive, 0 where it isn't among the k."""
    leading = tf.boolean_mask(tf.stack(groups[:4], axis=1), tf.equal(groups.earlier, 0))
    query, above, size, positives = tf.unstack(leading[:, tf.newaxis], axis=-1)
    places = tf.range(1, k + 1)[tf.newaxis]
    reached = tf.logical_and(places <= size - positives + 1, above + places <= k)
    size, positives, above, places = _floats(size, positives, above, places)
    chance = _log_choose(size - places, positives - 1) - _log_choose(size, positives)
    values = tf.where(reached, tf.exp(chance) / (above + places), tf.zeros_like(chance))
    return tf.math.unsorted_segment_sum(
        tf.reduce_sum(values, axis=1), query[:, 0], _queries(groups)
    )


def first_rank(groups: TieGroups) -> tf.Tensor:
    """Returns `[Q]`: the rank of the query's best positive; NaN without any, inf if it's missed."""
    above, size, positives = _floats(groups.above, groups.size, groups.positives)
    rank = above + (size + 1) / (positives + 1)
    rank = tf.math.unsorted_segment_min(rank, groups.query, _queries(groups))
    rank = tf.where(rank < MISSED // 2, rank, tf.constant(float("inf"), _FLOAT))
    return tf.where(groups.total > 0, rank, tf.constant(float("nan"), _FLOAT))


AT_K: dict[str, Callable[[TieGroups, int], tf.Tensor]] = {
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


def _inside(groups: TieGroups, k: int) -> tf.Tensor:
    return tf.clip_by_value(k - groups.above, 0, groups.size)


def _hits(groups: TieGroups, k: int) -> tf.Tensor:
    positives, size, inside = _floats(groups.positives, groups.size, _inside(groups, k))
    return _sum(positives * inside / size, groups)


def _running(values: tf.Tensor) -> tf.Tensor:
    return tf.concat([tf.zeros([1], _FLOAT), tf.cumsum(tf.cast(values, _FLOAT))], axis=0)


def _between(table: tf.Tensor, groups: TieGroups, k: int) -> tf.Tensor:
    """Sums a discount over those places of each group that are among the first k."""
    begin = tf.minimum(groups.above, k)
    return tf.gather(table, begin + _inside(groups, k)) - tf.gather(table, begin)


def _log_choose(n: tf.Tensor, k: tf.Tensor) -> tf.Tensor:
    """Returns log C(n, k); callers mask what lies outside 0 ≤ k ≤ n."""
    n = tf.maximum(n, 0.0)
    k = tf.minimum(tf.maximum(k, 0.0), n)
    return tf.math.lgamma(n + 1) - tf.math.lgamma(k + 1) - tf.math.lgamma(n - k + 1)
