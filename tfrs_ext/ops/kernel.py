"""One loss per query against a shared pool of candidates, without the matrix of scores."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext.ops.blocks import Gradients, Inputs, Method, by_objective, pass_over_blocks
from tfrs_ext.ops.compiled_pass import choose, pass_over_all
from tfrs_ext.ops.exclusion import check_ids, make_exclusion
from tfrs_ext.ops.objectives import Objective, softmax_cross_entropy
from tfrs_ext.ops.scores import LOWEST
from tfrs_ext.ops.softmax import softmax_method
from tfrs_ext.ops.tracing import as_users_wrote

_CACHED_BYTES, _LARGEST_BYTES = 16 * 2**20, 64 * 2**20  # Of one block of logits.
_SMALL_BYTES = 4 * 2**20  # Of a matrix of logits that is made as a whole.
_FUSED: dict[Objective, Method] = {softmax_cross_entropy: softmax_method()}


def row_loss(
    objective: Objective,
    queries: tf.Tensor,
    candidates: tf.Tensor,
    positive: tf.Tensor,
    *,
    scale: tf.Tensor | None = None,
    bias: tf.Tensor | None = None,
    row_ids: tf.Tensor | None = None,
    candidate_ids: tf.Tensor | None = None,
    mask: tf.Tensor | None = None,
    weight: tf.Tensor | None = None,
    block_rows: int | None = None,
) -> tf.Tensor:
    """Computes `weight * objective(scale * <query, candidate> + bias, positive)` for every query.

    Value and gradient come from one pass over blocks of rows, so that a step costs three matrix
    products and memory for one block. The gradient for the candidates is ready-made where all
    rows have the same upstream gradient (a sum or mean follows); otherwise it is computed anew.
    Under `tf.function`, what no gradient asks for is not computed; eagerly it is. Where the matrix
    of scores takes at most 4 MiB, and where XLA compiles the function (`jit_compile=True`), it is
    there during a step.

    Args:
        objective: What a row loses; one of `tfrs_ext.ops.objectives`.
        queries: `[B, D]` floating point.
        candidates: `[N, D]` floating point, the pool of negatives that all queries share.
        positive: `[B]` the logit of each query's own positive, scaled and corrected.
        scale: Scalar that multiplies the scores of the pool.
        bias: `[N]` added to the scaled scores.
        row_ids: `[B]` ids of the positives; candidates with this id are no negatives of the row.
        candidate_ids: `[N]` ids of the candidates, of the same type.
        mask: `[B, N]` bool, False where a candidate is no negative of the row.
        weight: `[B]` weights of the rows.
        block_rows: Rows in a block; chosen from the shapes if not given.

    Returns:
        `[B]` losses, in float32 (float64 if the queries are float64).
    """
    dtype = tf.float64 if queries.dtype == tf.float64 else tf.float32
    rows, columns = tf.shape(queries)[0], tf.shape(candidates)[0]
    fused, objective = _FUSED.get(objective), as_users_wrote(objective)
    method = fused or by_objective(objective)
    check_ids(row_ids, candidate_ids)
    is_small: bool | tf.Tensor = False
    if block_rows is None:
        block_rows = _block_rows(rows, candidates)
        is_small = _is_small(queries, candidates)
    queries = tf.cast(queries, dtype)
    inputs = Inputs(
        queries if scale is None else queries * tf.cast(scale, dtype),
        tf.cast(candidates, dtype),
        tf.cast(positive, dtype),
        tf.zeros([columns], dtype) if bias is None else tf.cast(bias, dtype),
        tf.ones([rows], dtype) if weight is None else tf.cast(weight, dtype),
    )

    def compute(inputs: Inputs) -> Gradients:
        def in_blocks() -> Gradients:
            exclusion = make_exclusion(row_ids, candidate_ids, mask)
            return pass_over_blocks(method, exclusion, block_rows, inputs)

        def whole() -> Gradients:
            return pass_over_all(objective, inputs, row_ids, candidate_ids, mask)

        return choose(is_small, whole, in_blocks)

    if not tf.executing_eagerly():
        compute = tf.function(compute, autograph=False)  # Traced once for value and gradient.

    @tf.custom_gradient
    def differentiable(*arguments: tf.Tensor) -> Any:
        # Hidden from an eager tape, which would keep every block alive.
        hidden = Inputs(*map(tf.stop_gradient, arguments))
        result = compute(hidden)

        def gradient(upstream: tf.Tensor) -> Any:
            same = tf.reduce_max(upstream)
            d_candidates, d_bias = tf.cond(
                tf.equal(same, tf.reduce_min(upstream)),
                lambda: (result.candidates * same, result.bias * same),
                lambda: compute(hidden._replace(weight=hidden.weight * upstream))[3:],
            )
            d_queries = result.queries * upstream[:, None]
            d_positive, d_weight = result.positive * upstream, result.value * upstream
            gradients = (d_queries, d_candidates, d_positive, d_bias, d_weight)
            return _first_order_only(gradients, arguments)

        return result.value * hidden.weight, gradient

    return differentiable(*inputs)


def dense_row_loss(
    objective: Objective, logits: tf.Tensor, positive: tf.Tensor, valid: tf.Tensor
) -> tf.Tensor:
    """Computes the objective of every row from logits that are there already.

    Args:
        objective: What a row loses; one of `tfrs_ext.ops.objectives`.
        logits: `[B, N]` floating point.
        positive: `[B]` the logit of each row's positive.
        valid: `[B, N]` bool, where a logit belongs to a negative of the row.

    Returns:
        `[B]` losses.
    """

    @tf.custom_gradient
    def differentiable(logits: tf.Tensor, positive: tf.Tensor) -> Any:
        masked = tf.where(valid, tf.stop_gradient(logits), LOWEST)
        count = tf.reduce_sum(tf.cast(valid, logits.dtype), axis=1)
        terms = as_users_wrote(objective)(masked, tf.stop_gradient(positive), count)

        def gradient(upstream: tf.Tensor) -> Any:
            d_logits = (upstream * terms.coefficient)[:, None] * terms.weights
            return _first_order_only((d_logits, upstream * terms.slope), (logits, positive))

        return terms.value, gradient

    return differentiable(logits, positive)


def _is_small(queries: tf.Tensor, candidates: tf.Tensor) -> bool | tf.Tensor:
    """Returns whether the matrix of scores is made as a whole; a bool where that is known."""
    rows, columns = queries.shape[0], candidates.shape[0]
    if rows is None or columns is None:
        rows, columns = (tf.shape(part, tf.int64)[0] for part in (queries, candidates))
    return 4 * rows * columns <= _SMALL_BYTES


def _block_rows(rows: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
    """Chooses blocks that use caches well and are few, as each adds to all candidates' gradients.

    A block has 512 rows, more while its logits take less than 16 MiB, fewer where they would take
    over 64 MiB, but no fewer than it takes to be as large as the candidates themselves.
    """
    columns, width = tf.shape(candidates)[0], tf.shape(candidates)[1]
    row_bytes = 4 * tf.maximum(columns, 1)
    fitting = tf.maximum(512, _CACHED_BYTES // row_bytes)
    fitting = tf.maximum(tf.minimum(fitting, _LARGEST_BYTES // row_bytes), width)
    blocks = tf.maximum(-(-rows // tf.maximum(fitting, 1)), 1)
    return tf.maximum(-(-rows // blocks), 1)


def _first_order_only(gradients: Sequence[tf.Tensor], arguments: Sequence[tf.Tensor]) -> Any:
    """Passes gradients on, and says so where someone differentiates them by the arguments."""

    @tf.custom_gradient
    def guard(*tensors: tf.Tensor) -> Any:
        def second(*_: tf.Tensor) -> Any:
            raise NotImplementedError(
                "tfrs_ext's losses have first gradients only: for second gradients write the loss "
                "with TensorFlow's own operations over a matrix of scores."
            )

        return [tf.identity(tensor) for tensor in tensors[: len(gradients)]], second

    return guard(*gradients, *arguments)
