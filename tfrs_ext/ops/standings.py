"""Where positives stand among the candidates, with ties decided as the caller asks."""

from typing import Literal, NamedTuple

import tensorflow as tf

from tfrs_ext.ops.ranks import count_at_least, count_excluded_at_least, tie_bounds

Ties = Literal["pessimistic", "expected", "optimistic"]
MISSED = 2**30  # Stands above a positive that isn't among the candidates at all.


class Standings(NamedTuple):
    """One row per positive: it stands at a place from `above + 1` to `above + size`.

    Attributes:
        query: `[N]` int32, the query's row.
        above: `[N]` int32, candidates that stand above, those of the same score included where
            ties are pessimistic.
        size: `[N]` int32, 1, or where ties are expected the candidates of the same score with
            the positive itself.
    """

    query: tf.Tensor
    above: tf.Tensor
    size: tf.Tensor


class Groups(NamedTuple):
    """One row per set of positives that share places, in the order of query and place.

    Attributes:
        query: `[G]` int32, the query's row.
        above: `[G]` int32, candidates that stand above the group.
        size: `[G]` int32, the group's places.
        positives: `[G]` int32, how many of the places are the positives'.
        earlier: `[G]` int32, positives of the query in the groups above.
        total: `[Q]` int32, positives of each query.
    """

    query: tf.Tensor
    above: tf.Tensor
    size: tf.Tensor
    positives: tf.Tensor
    earlier: tf.Tensor
    total: tf.Tensor


def stand_rows(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    positives: tf.RaggedTensor,
    excluded: tf.RaggedTensor | None = None,
    ties: Ties = "pessimistic",
) -> Standings:
    """Places positives that are rows of `candidates`.

    Args:
        queries: `[Q, D]` float32.
        candidates: `[C, D]` float32.
        positives: `[Q, (P)]` integer rows of `candidates`; -1 is a positive that they lack.
        excluded: `[Q, (E)]` integer rows of `candidates` that don't compete, each at most once
            in a row and none of them a positive of the same query.
        ties: Whether equal scores stand above ("pessimistic"), below ("optimistic") or in every
            order with the same probability ("expected").

    Returns:
        A `Standings` with one row per positive.
    """
    query, rows = tf.cast(positives.value_rowids(), tf.int32), positives.values
    own = tf.gather(candidates, tf.maximum(rows, 0))
    lower, upper = tie_bounds(tf.gather(queries, query), own)

    def compete(limits: tf.Tensor) -> tf.Tensor:
        count = count_at_least(queries, candidates, limits, query)
        if excluded is not None:
            count -= count_excluded_at_least(queries, candidates, limits, excluded, query)
        return count

    def not_below() -> tf.Tensor:
        return compete(lower) - 1  # The positive itself.

    def strictly_above() -> tf.Tensor:
        return compete(upper) - tf.cast(tf.math.is_nan(upper), tf.int32)

    above = not_below() if ties == "pessimistic" else strictly_above()
    size = not_below() - above + 1 if ties == "expected" else tf.ones_like(above)
    missed = rows < 0
    return Standings(query, tf.where(missed, MISSED, above), tf.where(missed, 1, size))


def stand_scores(
    scores: tf.Tensor,
    positives: tf.RaggedTensor,
    excluded: tf.RaggedTensor | None = None,
    ties: Ties = "pessimistic",
) -> Standings:
    """Places positives among scores that are there already; what isn't finite stands last.

    Args:
        scores: `[Q, C]` float32.
        positives: `[Q, (P)]` int32 columns of `scores`.
        excluded: `[Q, (E)]` int32 columns that don't compete, none of them a positive.
        ties: As in `stand_rows`.

    Returns:
        A `Standings` with one row per positive.
    """
    query = tf.cast(positives.value_rowids(), tf.int32)
    own = tf.gather_nd(scores, tf.stack([query, positives.values], axis=1))
    own = tf.where(tf.math.is_finite(own), own, float("nan"))[:, tf.newaxis]
    competes = tf.ones_like(scores, tf.bool)
    if excluded is not None:
        pairs = tf.stack([tf.cast(excluded.value_rowids(), tf.int32), excluded.values], axis=1)
        competes = tf.tensor_scatter_nd_update(competes, pairs, tf.zeros_like(pairs[:, 0], tf.bool))
    rivals, competes = tf.gather(scores, query), tf.gather(competes, query)

    def count(is_rival: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.cast(tf.logical_and(is_rival, competes), tf.int32), axis=1)

    not_below = count(tf.logical_not(rivals < own)) - 1  # The positive itself.
    if ties == "pessimistic":
        return Standings(query, not_below, tf.ones_like(not_below))
    above = count(tf.logical_not(rivals <= own)) - tf.cast(tf.math.is_nan(own[:, 0]), tf.int32)
    size = not_below - above + 1 if ties == "expected" else tf.ones_like(above)
    return Standings(query, above, size)


def stand_lists(
    lists: tf.Tensor, positives: tf.RaggedTensor, is_result: tf.Tensor | None = None
) -> Standings:
    """Places positives in lists of results, best first; one that isn't in its list is missed.

    Args:
        lists: `[Q, K]` ids.
        positives: `[Q, (P)]` ids.
        is_result: `[Q, K]` boolean, False where a list is padded.

    Returns:
        A `Standings` with one row per positive.
    """
    query = tf.cast(positives.value_rowids(), tf.int32)
    wanted = tf.cast(positives.values, lists.dtype)[:, tf.newaxis]
    match = tf.equal(tf.gather(lists, query), wanted)
    if is_result is not None:
        match = tf.logical_and(match, tf.gather(is_result, query))
    place = tf.argmax(match, axis=1, output_type=tf.int32)
    above = tf.where(tf.reduce_any(match, axis=1), place, MISSED)
    return Standings(query, above, tf.ones_like(above))


def group_ties(standings: Standings, queries: tf.Tensor, ties: Ties = "pessimistic") -> Groups:
    """Sorts positives by query and place, and gives places of their own to those that tie.

    Args:
        standings: The positives.
        queries: Scalar integer, how many queries there are.
        ties: As `standings` was made with.

    Returns:
        A `Groups`, whose groups are single positives unless ties are expected.
    """
    keys = tf.cast(standings.query, tf.int64) * 2**32 + tf.cast(standings.above, tf.int64)
    order = tf.argsort(keys, stable=True)
    query, above, size = (tf.gather(column, order) for column in standings)
    rows = tf.range(tf.shape(query)[0])
    # In graphs of a session, `==` compares the tensors as Python objects.
    same = tf.logical_and(tf.equal(query[1:], query[:-1]), tf.equal(above[1:], above[:-1]))
    is_first = tf.concat([tf.ones_like(query[:1], tf.bool), tf.logical_not(same)], axis=0)
    firsts = tf.boolean_mask(rows, is_first)
    group = tf.cumsum(tf.cast(is_first, tf.int32)) - 1
    positives = tf.math.bincount(group, minlength=tf.shape(firsts)[0])

    total = tf.math.bincount(query, minlength=queries, maxlength=queries)
    before = tf.cumsum(total, exclusive=True)
    if ties == "expected":
        query, above, size = (tf.gather(column, firsts) for column in (query, above, size))
        size = tf.maximum(size, positives)  # Missed positives share a place of size 1.
        return Groups(query, above, size, positives, firsts - tf.gather(before, query), total)
    place = rows - tf.gather(firsts, group)
    if ties == "pessimistic":
        place -= tf.gather(positives, group) - 1
    earlier = rows - tf.gather(before, query)
    return Groups(query, above + place, size, tf.ones_like(size), earlier, total)
