"""Values and gradients from the whole matrix of scores: of a small one, and where XLA compiles.

A small matrix costs fewer operations than blocks do. XLA knows all shapes before it runs, so it
can take neither hits nor blocks whose sizes come with the values. Compiled, the matrix is a
temporary of one step: `8 B N` bytes.
"""

from collections.abc import Callable

import tensorflow as tf

from tfrs_ext.ops.blocks import Gradients, Inputs
from tfrs_ext.ops.exclusion import is_negative
from tfrs_ext.ops.objectives import Objective
from tfrs_ext.ops.scores import LOWEST

_DEVICES = ("CPU", "GPU", "TPU")


def choose(
    is_small: bool | tf.Tensor, whole: Callable[[], Gradients], blocks: Callable[[], Gradients]
) -> Gradients:
    """Returns what `whole` gives for a small matrix or where XLA compiles the graph, else `blocks`.

    A graph is traced before anybody knows who will run it. Operations on a device know its kind;
    under compilation there is no device yet, and the answer is the number of kinds. Shapes are
    numbers there, so that XLA knows the choice and leaves the other branch out.

    Args:
        is_small: Whether the matrix is small; a number where that is known before it runs.
        whole: Operations that XLA can compile.
        blocks: A function of the same value, by any operations.
    """
    known = tf.get_static_value(is_small)
    if known is not None and (known or tf.executing_eagerly()):
        return whole() if known else blocks()
    kind = tf.raw_ops.DeviceIndex(device_names=list(_DEVICES))
    is_whole = tf.equal(kind, len(_DEVICES))
    if known is None:
        is_whole = tf.logical_or(is_whole, is_small)
    has_bias = True

    def given(gradients: Gradients) -> list[tf.Tensor]:
        nonlocal has_bias
        has_bias = gradients.bias is not None
        return [part for part in gradients if part is not None]

    parts = tf.switch_case(
        tf.cast(is_whole, tf.int32), [lambda: given(blocks()), lambda: given(whole())]
    )
    return Gradients(*(parts if has_bias else [*parts, None]))


def pass_over_all(
    objective: Objective,
    inputs: Inputs,
    row_ids: tf.Tensor | None,
    candidate_ids: tf.Tensor | None,
    mask: tf.Tensor | None,
) -> Gradients:
    """Computes the values of all rows and the gradients of their weighted sum.

    Args:
        objective: What a row loses.
        inputs: The arguments.
        row_ids: `[B]` ids of the positives, or None.
        candidate_ids: `[N]` ids of the candidates, or None.
        mask: `[B, N]` bool, False where a candidate is no negative of the row, or None.
    """
    logits = tf.matmul(inputs.queries, inputs.candidates, transpose_b=True)
    if inputs.bias is not None:
        logits += inputs.bias
    valid = mask
    if row_ids is not None and candidate_ids is not None:
        valid = is_negative(row_ids, candidate_ids, mask)
    if valid is None:
        valid = tf.ones_like(logits, tf.bool)
    count = tf.reduce_sum(tf.cast(valid, logits.dtype), axis=1)
    terms = objective(tf.where(valid, logits, LOWEST), inputs.positive, count)
    coefficient, slope = terms.coefficient, terms.slope
    if inputs.weight is not None:
        coefficient, slope = coefficient * inputs.weight, slope * inputs.weight
    weights = terms.weights * tf.expand_dims(coefficient, 1)
    return Gradients(
        terms.value,
        tf.matmul(weights, inputs.candidates),
        slope,
        tf.matmul(weights, inputs.queries, transpose_a=True),
        None if inputs.bias is None else tf.reduce_sum(weights, axis=0),
    )
