"""Greedy choices of items that are good and unlike each other.

Both methods choose one item at a time, the one of largest gain, and keep for every item left what
the chosen ones cost it, so that k choices take `O(B k M D)`, not a search over sets.
"""

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

# Below this, what an item adds to the volume of those chosen is rounding.
_FLAT = 1e-5

Costs = TypeVar("Costs")


def marginal_relevance(
    relevance: tf.Tensor, units: tf.Tensor, is_open: tf.Tensor, share: float, k: tf.Tensor
) -> tf.Tensor:
    """Chooses by maximal marginal relevance.

    Each choice is `argmax share * relevance_i - (1 - share) * max over chosen j of cos(i, j)`,
    where the maximum over nothing is 0.

    Args:
        relevance: `[B, M]` float32.
        units: `[B, M, D]` vectors of length 1; a zero vector is unlike everything.
        is_open: `[B, M]` bool, what may be chosen.
        share: The share of relevance, from 0 to 1.
        k: int32 scalar, the number of choices, at most M.

    Returns:
        `[B, k]` int32 columns in the order of choice, -1 where nothing was left.
    """
    nothing = tf.fill(tf.shape(relevance), -float("inf"))

    def gain(closest: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
        likeness = tf.where(tf.math.is_inf(closest), 0.0, closest)
        return share * relevance - (1.0 - share) * likeness

    def note(closest: tf.Tensor, step: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        chosen = tf.gather(units, column, batch_dims=1)
        return tf.maximum(closest, tf.einsum("bmd,bd->bm", units, chosen))

    return _choose(is_open, k, nothing, gain, note)


def determinantal(
    relevance: tf.Tensor, units: tf.Tensor, is_open: tf.Tensor, share: float, k: tf.Tensor
) -> tf.Tensor:
    """Chooses the greedy maximum a posteriori of a determinantal point process.

    Each choice is the largest gain in `share * sum of relevance + (1 - share) * log det S`, with
    `S_ij = (1 + cos(i, j)) / 2` over the items chosen. The logarithm grows by that of `d_i^2`, the
    squared distance of item i from the span of those chosen, which the Cholesky factors keep up to
    date: `e_i = (S_ji - <c_j, c_i>) / d_j`, `d_i^2 -= e_i^2` after the choice of j. Items that lie
    in that span (D + 1 choices span everything) are never chosen.

    Args:
        relevance: `[B, M]` float32.
        units: `[B, M, D]` vectors of length 1.
        is_open: `[B, M]` bool, what may be chosen.
        share: The share of relevance, from 0 up to but not including 1.
        k: int32 scalar, the number of choices, at most M.

    Returns:
        `[B, k]` int32 columns in the order of choice, -1 where nothing was left.

    References:
        Chen, Zhang, Zhou: Fast Greedy MAP Inference for Determinantal Point Process to Improve
        Recommendation Diversity, NeurIPS 2018 (algorithm 1).
    """
    # One more coordinate of the same length: the inner product is (1 + cos) / 2.
    shape = tf.shape(relevance)
    vectors = tf.concat([units, tf.ones([shape[0], shape[1], 1])], axis=2) / tf.sqrt(2.0)
    factors = tf.zeros([shape[0], shape[1], k])
    left = tf.reduce_sum(vectors**2, axis=2)

    def gain(costs: tuple[tf.Tensor, tf.Tensor], _: tf.Tensor) -> tf.Tensor:
        volume = tf.math.log(tf.maximum(costs[1], _FLAT))
        return tf.where(costs[1] > _FLAT, share * relevance + (1.0 - share) * volume, -float("inf"))

    def note(
        costs: tuple[tf.Tensor, tf.Tensor], step: tf.Tensor, column: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        factors, left = costs
        of_chosen = tf.gather(factors, column, batch_dims=1)
        likeness = tf.einsum("bmd,bd->bm", vectors, tf.gather(vectors, column, batch_dims=1))
        distance = tf.sqrt(tf.maximum(tf.gather(left, column, batch_dims=1), _FLAT))
        e = (likeness - tf.einsum("bmk,bk->bm", factors, of_chosen)) / distance[:, None]
        return factors + e[:, :, None] * tf.one_hot(step, k), left - e**2

    return _choose(is_open, k, (factors, left), gain, note)


def _choose(
    is_open: tf.Tensor,
    k: tf.Tensor,
    costs: Costs,
    gain: Callable[[Costs, tf.Tensor], tf.Tensor],
    note: Callable[[Costs, tf.Tensor, tf.Tensor], Costs],
) -> tf.Tensor:
    """Chooses k times the open column of largest gain; `note` says what the choice costs."""
    chosen = tf.TensorArray(tf.int32, k, element_shape=[None])
    columns = tf.range(tf.shape(is_open)[1])

    def add(
        step: tf.Tensor, is_open: tf.Tensor, costs: Costs, chosen: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, Costs, tf.TensorArray]:
        gains = tf.where(is_open, gain(costs, step), -float("inf"))
        best = tf.argmax(gains, axis=1, output_type=tf.int32)
        is_any = tf.gather(gains, best, batch_dims=1) > -float("inf")
        is_open &= best[:, None] != columns
        chosen = chosen.write(step, tf.where(is_any, best, -1))
        return step + 1, is_open, note(costs, step, best), chosen

    start = (tf.constant(0), is_open, costs, chosen)
    *_, chosen = tf.while_loop(lambda step, *_: step < k, add, start, maximum_iterations=k)
    return tf.transpose(chosen.stack())


def chosen_first(chosen: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Returns an order in which the chosen columns come first, and the others as they stood.

    Args:
        chosen: `[B, k]` int32 columns in the order of choice; -1 is none.
        columns: int32 scalar M.

    Returns:
        `[B, M]` int32.
    """
    places = tf.range(columns)
    matches = chosen[:, :, None] == places
    step = tf.argmax(tf.cast(matches, tf.int32), axis=1, output_type=tf.int32)
    behind = tf.shape(chosen)[1] + places
    return tf.argsort(tf.where(tf.reduce_any(matches, axis=1), step, behind), axis=1, stable=True)
