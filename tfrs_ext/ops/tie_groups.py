"""Positives of a query that tie with each other, as one group.

Two positives of the same score can't have the same rank: together they take two of the ranks that
are open to each. Here three candidates have the same score, two of them positives:

    score    0.9   0.7   0.7   0.7   0.4
             c     P  =  P  =  c     P
    rank     1     2     3     4     5

    expected      one group: above 1, size 3, positives 2: two of the ranks 2, 3 and 4, by chance
    pessimistic   two groups of size 1: ranks 3 and 4
    optimistic    two groups of size 1: ranks 2 and 3

Metrics read groups alone, and are then exact: the expectation over every order of what ties.
"""

from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.ops.tied_ranks import Ranks, Ties


class TieGroups(NamedTuple):
    """One entry for each group of positives that tie, in the order of query and rank.

    Attributes:
        query: `[G]` int32, the query that the group belongs to.
        above: `[G]` int32, how many candidates stand above the group.
        size: `[G]` int32, how many ranks the group extends over, from `above + 1`.
        positives: `[G]` int32, how many of these ranks are the positives'.
        earlier: `[G]` int32, how many positives of the query are in the groups above.
        total: `[Q]` int32, how many positives each query has.
    """

    query: tf.Tensor
    above: tf.Tensor
    size: tf.Tensor
    positives: tf.Tensor
    earlier: tf.Tensor
    total: tf.Tensor


def group_ties(ranks: Ranks, queries: tf.Tensor, ties: Ties = "pessimistic") -> TieGroups:
    """Sorts positives by query and rank, and gives different ranks to those that tie.

    Args:
        ranks: The positives' ranks, in any order.
        queries: Scalar integer, how many queries there are.
        ties: What `ranks` was made with.

    Returns:
        `TieGroups`, whose groups are single positives unless ties are expected.
    """
    # One sort by the pair (query, above), packed into an integer.
    keys = tf.cast(ranks.query, tf.int64) * 2**32 + tf.cast(ranks.above, tf.int64)
    order = tf.argsort(keys, stable=True)
    query, above, size = (tf.gather(column, order) for column in ranks)
    index = tf.range(tf.shape(query)[0])

    # Neighbours of the same query with as many candidates above tie with each other. (In graphs
    # of a session, `==` would compare the tensors as Python objects.)
    same = tf.logical_and(tf.equal(query[1:], query[:-1]), tf.equal(above[1:], above[:-1]))
    is_first = tf.concat([tf.ones_like(query[:1], tf.bool), tf.logical_not(same)], axis=0)
    firsts = tf.boolean_mask(index, is_first)
    group = tf.cumsum(tf.cast(is_first, tf.int32)) - 1
    positives = tf.math.bincount(group, minlength=tf.shape(firsts)[0])

    total = tf.math.bincount(query, minlength=queries, maxlength=queries)
    before = tf.cumsum(total, exclusive=True)  # Positives of the queries before.
    if ties == "expected":
        query, above, size = (tf.gather(column, firsts) for column in (query, above, size))
        size = tf.maximum(size, positives)  # Missed positives tie with nothing that was counted.
        return TieGroups(query, above, size, positives, firsts - tf.gather(before, query), total)

    # Each positive alone. `above` is the count for the best of those that tie where ties are
    # optimistic, and for the worst where they are pessimistic: the others are next to it.
    shift = index - tf.gather(firsts, group)
    if ties == "pessimistic":
        shift -= tf.gather(positives, group) - 1
    earlier = index - tf.gather(before, query)
    return TieGroups(query, above + shift, size, tf.ones_like(size), earlier, total)
