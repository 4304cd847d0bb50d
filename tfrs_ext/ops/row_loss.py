"""One loss per query against a shared pool of candidates, by blocks that never hold `[B, N]`."""

from typing import Any

import tensorflow as tf

from tfrs_ext.ops.objectives import MASKED, Objective

_BLOCK_BYTES = 32 * 2**20  # Of one block of logits.


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
    queries, candidates = tf.cast(queries, dtype), tf.cast(candidates, dtype)
    rows, columns = tf.shape(queries)[0], tf.shape(candidates)[0]
    queries = queries if scale is None else queries * tf.cast(scale, dtype)
    bias = tf.zeros([columns], dtype) if bias is None else tf.cast(bias, dtype)
    weight = tf.ones([rows], dtype) if weight is None else tf.cast(weight, dtype)
    excluded = _Excluded(row_ids, candidate_ids, mask)
    block = _block_rows(rows, columns, dtype) if block_rows is None else block_rows

    @tf.custom_gradient
    def blocked(*arguments: tf.Tensor) -> Any:
        # Forward operations are hidden from an eager tape, which would keep every block alive.
        stopped = [tf.stop_gradient(argument) for argument in arguments]
        value, *gradients = _pass_over_blocks(objective, excluded, block, stopped)

        def gradient(upstream: tf.Tensor) -> Any:
            return _first_order_only(*_scaled(upstream, value, gradients, stopped))

        return value * stopped[-1], gradient

    def _scaled(upstream: tf.Tensor, value: Any, gradients: Any, arguments: Any) -> Any:
        d_queries, d_positive, d_candidates, d_bias = gradients
        *inputs, weights = arguments
        factor = tf.reduce_max(upstream)

        def same() -> Any:
            return d_candidates * factor, d_bias * factor

        def anew() -> Any:
            weighted = weights * upstream
            return tuple(_pass_over_blocks(objective, excluded, block, [*inputs, weighted])[3:])

        d_candidates, d_bias = tf.cond(tf.equal(factor, tf.reduce_min(upstream)), same, anew)
        return (
            d_queries * upstream[:, None],
            d_candidates,
            d_positive * upstream,
            d_bias,
            value * upstream,
        )

    return blocked(queries, candidates, tf.cast(positive, dtype), bias, weight)


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
    def dense(logits: tf.Tensor, positive: tf.Tensor) -> Any:
        masked = tf.where(valid, logits, tf.cast(MASKED, logits.dtype))
        count = tf.reduce_sum(tf.cast(valid, logits.dtype), axis=1)
        terms = objective(tf.stop_gradient(masked), tf.stop_gradient(positive), count)

        def gradient(upstream: tf.Tensor) -> Any:
            d_logits = (upstream * terms.coefficient)[:, None] * terms.weights
            return _first_order_only(d_logits, upstream * terms.slope)

        return terms.value, gradient

    return dense(logits, positive)


class _Excluded:
    """Which candidates are no negatives of a row."""

    def __init__(self, row_ids: Any, candidate_ids: Any, mask: Any) -> None:
        self._mask = mask
        self._ids = None
        if row_ids is not None and candidate_ids is not None:
            # Numbers in place of ids: strings are read once, and blocks compare int32.
            dense = tf.unique(tf.concat([row_ids, candidate_ids], axis=0)).idx
            rows = tf.shape(row_ids)[0]
            self._ids = dense[:rows], dense[rows:]

    def apply(self, logits: tf.Tensor, start: tf.Tensor, stop: tf.Tensor) -> Any:
        """Returns the block's logits, `MASKED` where excluded, and how many are not."""
        shape = tf.shape(logits)
        valid = None
        if self._mask is not None:
            valid = self._mask[start:stop]
        if self._ids is not None:
            rows, columns = self._ids
            other = tf.not_equal(rows[start:stop, None], columns[None, :])
            valid = other if valid is None else tf.logical_and(valid, other)
        if valid is None:
            return logits, tf.fill(shape[:1], tf.cast(shape[1], logits.dtype))
        count = tf.reduce_sum(tf.cast(valid, logits.dtype), axis=1)
        return tf.where(valid, logits, tf.cast(MASKED, logits.dtype)), count


def _block_rows(rows: tf.Tensor, columns: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    fitting = tf.maximum(_BLOCK_BYTES // dtype.size // tf.maximum(columns, 1), 1)
    blocks = -(-rows // fitting)
    return tf.maximum(-(-rows // tf.maximum(blocks, 1)), 1)


def _pass_over_blocks(
    objective: Objective,
    excluded: _Excluded,
    block: Any,
    arguments: list[tf.Tensor],
) -> list[tf.Tensor]:
    """Returns unweighted values, and gradients of the weighted sum, rows' ones first."""
    queries, candidates, positive, bias, weight = arguments
    rows, width = tf.shape(queries)[0], queries.shape[1]
    dtype = queries.dtype
    blocks = -(-rows // block)

    def arrays(shape: list[int | None]) -> tf.TensorArray:
        return tf.TensorArray(dtype, blocks, infer_shape=False, element_shape=shape)

    def step(
        i: Any, values: Any, d_query: Any, d_positive: Any, d_candidate: Any, d_bias: Any
    ) -> Any:
        start = i * block
        stop = tf.minimum(start + block, rows)
        query = queries[start:stop]
        logits = tf.matmul(query, candidates, transpose_b=True) + bias
        logits, count = excluded.apply(logits, start, stop)
        terms = objective(logits, positive[start:stop], count)
        # Scaling the narrow sides of the products spares a pass over the block.
        coefficient = (terms.coefficient * weight[start:stop])[:, None]
        return (
            i + 1,
            values.write(i, terms.value),
            d_query.write(i, coefficient * tf.matmul(terms.weights, candidates)),
            d_positive.write(i, terms.slope * weight[start:stop]),
            d_candidate + tf.matmul(terms.weights, coefficient * query, transpose_a=True),
            d_bias + tf.linalg.matvec(terms.weights, coefficient[:, 0], transpose_a=True),
        )

    state = (
        0,
        arrays([None]),
        arrays([None, width]),
        arrays([None]),
        tf.zeros_like(candidates),
        tf.zeros_like(bias),
    )
    _, values, d_query, d_positive, d_candidate, d_bias = tf.while_loop(
        lambda i, *_: i < blocks, step, state, parallel_iterations=1
    )
    return [values.concat(), d_query.concat(), d_positive.concat(), d_candidate, d_bias]


@tf.custom_gradient
def _first_order_only(*gradients: tf.Tensor) -> Any:
    def second(*_: tf.Tensor) -> Any:
        raise NotImplementedError(
            "tfrs_ext.ops.row_loss and dense_row_loss have first gradients only: for second "
            "gradients write the loss with TensorFlow's own operations over a score matrix."
        )

    return [tf.identity(gradient) for gradient in gradients], second
