"""Softmax cross-entropy of blocks, with one exponential and no other pass where that is safe."""

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

    def prepare(inputs: Inputs) -> tuple[tf.Tensor, Step]:
        is_small = _bound(inputs) < _SAFE
        factors = tf.where(is_small, tf.exp(inputs.bias), tf.ones_like(inputs.bias))

        def step(block: Block) -> RowTerms:
            strip, rest, largest = tf.cond(
                is_small,
                lambda: (block.strip, block.rest, tf.zeros_like(block.positive)),
                lambda: _below_largest(block),
            )
            weights = tf.where(block.valid, tf.exp(strip), 0.0), tf.exp(rest)
            total = tf.add_n(
                [tf.linalg.matvec(w, f) for w, f in zip(weights, block.factors, strict=True)]
            )
            has_negatives = block.count > 0
            # What is large is subtracted first, as small terms would drown in it.
            margin = tf.where(has_negatives, largest - block.positive + tf.math.log(total), LOWEST)
            miss = tf.sigmoid(margin)
            coefficient = tf.where(has_negatives, miss / total, 0.0)
            return RowTerms(tf.math.softplus(margin), weights, coefficient, -miss)

        return factors, step

    return prepare


def _bound(inputs: Inputs) -> tf.Tensor:
    """No logit is larger, nor smaller than its negative (Cauchy and Schwarz)."""
    lengths = [
        tf.reduce_max(tf.reduce_sum(tf.square(vectors), axis=1))
        for vectors in (inputs.queries, inputs.candidates)
    ]
    return tf.sqrt(lengths[0]) * tf.sqrt(lengths[1]) + tf.reduce_max(tf.abs(inputs.bias))


def _below_largest(block: Block) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    strip = tf.where(block.valid, block.strip + block.bias[0], LOWEST)
    rest = block.rest + block.bias[1]
    largest = tf.maximum(tf.reduce_max(strip, axis=1), tf.reduce_max(rest, axis=1))
    largest = tf.where(block.count > 0, largest, 0.0)
    return strip - largest[:, None], rest - largest[:, None], largest
