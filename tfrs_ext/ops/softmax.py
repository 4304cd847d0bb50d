"""Softmax cross-entropy of blocks, with one exponential and no other pass where that is safe."""

import functools

import tensorflow as tf

from tfrs_ext.ops.blocks import Block, Inputs, Method, Step
from tfrs_ext.ops.objectives import RowTerms
from tfrs_ext.ops.scores import LOWEST

_SAFE = 60.0  # exp of it, summed over any pool, is finite; exp of minus it is no denormal.


def softmax_method() -> Method:
    """Makes the method for softmax cross-entropy.

    Where a bound says that no logit is large, which temperatures that models are trained with
    satisfy, exponentials need no maximum taken first, and the bias becomes factors of the columns.
    """

    def prepare(inputs: Inputs) -> tuple[tf.Tensor | None, Step]:
        is_small = _bound(inputs) < _SAFE
        factors = None
        if inputs.bias is not None:
            factors = tf.exp(tf.where(is_small, inputs.bias, 0.0))

        def step(block: Block) -> RowTerms:
            scores, largest = tf.cond(
                is_small,
                lambda: (block.scores, tf.zeros_like(block.positive)),
                lambda: _below_largest(block),
            )
            weights = [tf.exp(part) for part in scores]
            total = block.total(weights)
            has_negatives = tf.not_equal(total, 0.0)  # NaN, too, has to be seen.
            # What is large is subtracted first, as small terms would drown in it.
            margin = tf.where(has_negatives, largest - block.positive + tf.math.log(total), LOWEST)
            miss = tf.sigmoid(margin)
            coefficient = tf.where(has_negatives, miss / total, 0.0)
            return RowTerms(tf.math.softplus(margin), weights, coefficient, -miss)

        return factors, step

    return prepare


def _bound(inputs: Inputs) -> tf.Tensor:
    """No logit is larger, nor smaller than its negative (Cauchy and Schwarz)."""
    queries, candidates = (
        tf.reduce_max(tf.reduce_sum(tf.square(vectors), axis=1))
        for vectors in (inputs.queries, inputs.candidates)
    )
    bound = tf.sqrt(queries * candidates)
    return bound if inputs.bias is None else bound + tf.reduce_max(tf.abs(inputs.bias))


def _below_largest(block: Block) -> tuple[list[tf.Tensor], tf.Tensor]:
    logits = block.logits()
    largest = functools.reduce(tf.maximum, [tf.reduce_max(part, axis=1) for part in logits])
    largest = tf.where(largest > LOWEST / 2, largest, 0.0)  # 0 where nothing is a negative.
    return [part - tf.expand_dims(largest, 1) for part in logits], largest
