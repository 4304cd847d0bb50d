"""The ranks of positives among the candidates of their query, with ties.

A positive's rank is its place in the list of all candidates, best score first. Where candidates
have the same score, their order is open, and so is the rank. Here is one query; P is a positive,
c any other candidate, and `=` joins equal scores:

    score    0.9   0.7   0.7   0.7   0.4
             c     c  =  P  =  c     P
    rank     1     2     3     4     5

The first positive ties with two others, so it may have any rank from 2 to 4. `Ranks` holds such a
range as (above, size): the rank is one of above + 1, …, above + size. The caller decides on ties:

    pessimistic   (3, 1)   rank 4: what ties with it stands above it
    expected      (1, 3)   rank 2, 3 or 4, each with probability 1/3
    optimistic    (1, 1)   rank 2: what ties with it stands below it

The second positive is (4, 1) in each case. Nothing is sorted: `above` and `size` are differences of
two counts, of the candidates that aren't below a positive and of those that are strictly above it.
"""

from typing import Literal, NamedTuple

import tensorflow as tf

from tfrs_ext.ops.hashing import widest
from tfrs_ext.ops.rank_counts import count_at_least, count_excluded_at_least, tie_bounds

Ties = Literal["pessimistic", "expected", "optimistic"]
MISSED = 2**30  # How many stand above a positive that isn't among the candidates at all.


class Ranks(NamedTuple):
    """One entry for each positive: its rank lies between `above + 1` and `above + size`.

    Attributes:
        query: `[N]` int32, the query that the positive belongs to.
        above: `[N]` int32, how many candidates stand above it, those of the same score included
            where ties are pessimistic.
        size: `[N]` int32, how many ranks it may have: 1, or where ties are expected the number of
            candidates of the same score, with the positive itself.
    """

    query: tf.Tensor
    above: tf.Tensor
    size: tf.Tensor


def rank_positions(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    positives: tf.RaggedTensor,
    excluded: tf.RaggedTensor | None = None,
    ties: Ties = "pessimistic",
) -> Ranks:
    """Ranks positives that are given as positions of candidates, by inner product.

    Args:
        queries: `[Q, D]` float32.
        candidates: `[C, D]` float32.
        positives: `[Q, (P)]` integer positions; -1 is a positive that no candidate is.
        excluded: `[Q, (E)]` integer positions of candidates that don't compete, each at most once
            for a query and none of them a positive of the same query.
        ties: Whether equal scores stand above ("pessimistic"), below ("optimistic") or in every
            order with the same probability ("expected").

    Returns:
        `Ranks` with one entry for each positive.
    """
    query, positions = tf.cast(positives.value_rowids(), tf.int32), positives.values
    own = tf.gather(candidates, tf.maximum(positions, 0))
    lower, upper = tie_bounds(tf.gather(queries, query), own)

    def count(thresholds: tf.Tensor) -> tf.Tensor:
        found = count_at_least(queries, candidates, thresholds, query)
        if excluded is not None:
            found -= count_excluded_at_least(queries, candidates, thresholds, excluded, query)
        return found

    # The positive is always among those that reach the lower bound, and never among those that
    # reach the upper one, unless its score is NaN: NaN counts as reaching every bound.
    def not_below() -> tf.Tensor:
        return count(lower) - 1

    def strictly_above() -> tf.Tensor:
        return count(upper) - tf.cast(tf.math.is_nan(upper), tf.int32)

    above = not_below() if ties == "pessimistic" else strictly_above()
    size = not_below() - above + 1 if ties == "expected" else tf.ones_like(above)
    is_missed = positions < 0
    return Ranks(query, tf.where(is_missed, MISSED, above), tf.where(is_missed, 1, size))


def rank_scores(
    scores: tf.Tensor,
    positives: tf.RaggedTensor,
    excluded: tf.RaggedTensor | None = None,
    ties: Ties = "pessimistic",
) -> Ranks:
    """Ranks positives by scores that are there already; what isn't finite comes last.

    Args:
        scores: `[Q, C]` float32.
        positives: `[Q, (P)]` int32 columns of `scores`.
        excluded: `[Q, (E)]` int32 columns that don't compete, none of them a positive.
        ties: What happens to equal scores, as in `rank_positions`.

    Returns:
        `Ranks` with one entry for each positive.
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

    # `not <` and `not <=` are True for NaN, on either side: what isn't finite loses.
    not_below = count(tf.logical_not(rivals < own)) - 1  # Less the positive itself.
    if ties == "pessimistic":
        return Ranks(query, not_below, tf.ones_like(not_below))
    above = count(tf.logical_not(rivals <= own)) - tf.cast(tf.math.is_nan(own[:, 0]), tf.int32)
    size = not_below - above + 1 if ties == "expected" else tf.ones_like(above)
    return Ranks(query, above, size)


def rank_shared_scores(
    scores: tf.Tensor,
    positives: tf.RaggedTensor,
    excluded: tf.RaggedTensor | None = None,
    ties: Ties = "pessimistic",
) -> Ranks:
    """Ranks as `rank_scores` does, where all queries give a candidate the same score.

    The candidates are sorted once, so that no query needs a row of scores. There are at most 2^24
    candidates.

    Args:
        scores: `[C]` float32.
        positives: `[Q, (P)]` int32 positions in `scores`.
        excluded: `[Q, (E)]` int32 positions that don't compete, none of them a positive.
        ties: What happens to equal scores, as in `rank_positions`.

    Returns:
        `Ranks` with one entry for each positive.
    """
    query = tf.cast(positives.value_rowids(), tf.int32)
    is_finite = tf.math.is_finite(tf.gather(scores, positives.values))
    rivals = tf.where(tf.math.is_nan(scores), float("inf"), scores)
    # How many are below each: whole numbers, of which the next larger one is certain.
    places = tf.searchsorted(tf.sort(rivals), rivals)
    own = tf.where(is_finite, tf.gather(places, positives.values), -1)
    places = tf.cast(places, tf.float32)
    levels, ones = tf.sort(places), tf.ones([positives.nrows(), 1])

    def count(limits: tf.Tensor) -> tf.Tensor:
        limits = tf.cast(limits, tf.float32)
        found = tf.size(levels) - tf.searchsorted(levels, limits)
        if excluded is not None:
            found -= count_excluded_at_least(ones, places[:, tf.newaxis], limits, excluded, query)
        return found - 1

    not_below = count(own)  # Less the positive itself.
    if ties == "pessimistic":
        return Ranks(query, not_below, tf.ones_like(not_below))
    above = tf.where(is_finite, count(own + 1) + 1, not_below)
    size = not_below - above + 1 if ties == "expected" else tf.ones_like(above)
    return Ranks(query, above, size)


def rank_in_lists(
    lists: tf.Tensor, positives: tf.RaggedTensor, is_result: tf.Tensor | None = None
) -> Ranks:
    """Ranks positives in lists of results, best first; one that isn't in its list is missed.

    Args:
        lists: `[Q, K]` ids.
        positives: `[Q, (P)]` ids, numbers or strings as those in the lists.
        is_result: `[Q, K]` boolean, False where a list is padded.

    Returns:
        `Ranks` with one entry for each positive.

    Raises:
        ValueError: Some ids are strings and others numbers.
    """
    query = tf.cast(positives.value_rowids(), tf.int32)
    lists, wanted = _as_comparable(lists, positives.values)
    is_match = tf.equal(tf.gather(lists, query), wanted[:, tf.newaxis])
    if is_result is not None:
        is_match = tf.logical_and(is_match, tf.gather(is_result, query))
    first = tf.argmax(is_match, axis=1, output_type=tf.int32)
    above = tf.where(tf.reduce_any(is_match, axis=1), first, MISSED)
    return Ranks(query, above, tf.ones_like(above))


def _as_comparable(lists: tf.Tensor, wanted: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns ids in a dtype that holds those of both."""
    wide = widest(lists.dtype)
    if wide != widest(wanted.dtype):
        if tf.string in (lists.dtype, wanted.dtype):
            raise ValueError(
                f"`positives` must be ids as those of the lists are, {lists.dtype.name}, received "
                f"{wanted.dtype.name}."
            )
        wide = tf.float64
    return tf.cast(lists, wide), tf.cast(wanted, wide)
