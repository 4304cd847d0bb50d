"""One loss per query against a shared pool of candidates, without the matrix of scores."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfrs_ext.ops.blocks import Gradients, Inputs, Method, by_objective, pass_over_blocks
from tfrs_ext.ops.compiled_pass import choose, pass_over_all
from tfrs_ext.ops.custom_gradient import custom_gradient
from tfrs_ext.ops.exclusion import check_ids, make_exclusion
from tfrs_ext.ops.objectives import Objective, softmax_cross_entropy
from tfrs_ext.ops.scores import LOWEST
from tfrs_ext.ops.softmax import softmax_method
from tfrs_ext.ops.spans import sizes
from tfrs_ext.ops.tracing import as_users_wrote
from tfrs_ext.ops.upstream import common_value

_CACHED, _LARGEST = 4 * 2**20, 16 * 2**20  # Logits of a block: 16 and 64 MiB.
_SMALL = 2**20  # Logits of a matrix that is made as a whole: 4 MiB.
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
    check_ids(row_ids, candidate_ids)
    dtype = tf.float64 if queries.dtype == tf.float64 else tf.float32
    queries, candidates, positive = (tf.cast(x, dtype) for x in (queries, candidates, positive))
    bias, weight = (None if x is None else tf.cast(x, dtype) for x in (bias, weight))
    if scale is not None:
        queries = queries * tf.cast(scale, dtype)
    if candidate_ids is row_ids:
        candidate_ids = None  # A traced function would get two tensors, and sort both.
    exclusions = _Exclusions(row_ids, candidate_ids, mask)

    def compute(inputs: Inputs) -> Gradients:
        if block_rows is None and objective in _TRACED and not tf.executing_eagerly():
            return _TRACED[objective](inputs, exclusions)
        return _compute(objective, inputs, exclusions, block_rows)

    return _differentiable(compute, Inputs(queries, candidates, positive, bias, weight))


class _Exclusions(NamedTuple):
    """What is no negative of a row; `candidate_ids` is None where it is `row_ids`."""

    row_ids: tf.Tensor | None
    candidate_ids: tf.Tensor | None
    mask: tf.Tensor | None


def _compute(
    objective: Objective,
    inputs: Inputs,
    exclusions: _Exclusions,
    block_rows: int | tf.Tensor | None = None,
) -> Gradients:
    row_ids, candidate_ids, mask = exclusions
    candidate_ids = row_ids if candidate_ids is None else candidate_ids
    method = _FUSED.get(objective) or by_objective(objective)
    rows, columns = sizes(inputs.queries)[0], sizes(inputs.candidates)[0]

    def whole() -> Gradients:
        return pass_over_all(as_users_wrote(objective), inputs, row_ids, candidate_ids, mask)

    def blocks() -> Gradients:
        of_block = block_rows
        if of_block is None:
            of_block = _block_rows(rows, columns, sizes(inputs.queries)[1])
        exclusion = make_exclusion(row_ids, candidate_ids, mask)
        return pass_over_blocks(method, exclusion, of_block, inputs)

    # Not by their product, which may be beyond an int32.
    is_small = False if block_rows is not None else rows <= _SMALL // _max(columns, 1)
    return choose(is_small, whole, blocks)


def _trace_once(objective: Objective) -> Callable[[Inputs, _Exclusions], Gradients]:
    # A graph takes a second to trace: all models of a process, their training and their evaluation
    # share those of a loss.
    function: Callable[[Inputs, _Exclusions], Gradients] = tf.function(
        lambda inputs, exclusions: _compute(objective, inputs, exclusions), autograph=False
    )
    return function


_TRACED = {objective: _trace_once(objective) for objective in (softmax_cross_entropy,)}


def _differentiable(compute: Callable[[Inputs], Gradients], inputs: Inputs) -> tf.Tensor:
    """Returns the weighted losses of all rows, which know their gradients."""
    names = [name for name, tensor in inputs._asdict().items() if tensor is not None]

    @custom_gradient
    def differentiable(*arguments: tf.Tensor) -> Any:
        # Hidden from an eager tape, which would keep every block alive.
        tensors = map(tf.stop_gradient, arguments)
        hidden = inputs._replace(**dict(zip(names, tensors, strict=True)))
        result = compute(hidden)

        def gradient(upstream: tf.Tensor) -> Any:
            def compute_anew() -> Gradients:
                weight = upstream if hidden.weight is None else upstream * hidden.weight
                return compute(hidden._replace(weight=weight))

            gradients = _scale_by(upstream, result, compute_anew)
            return _first_order_only([gradients[name] for name in names], arguments)

        value = result.value if hidden.weight is None else result.value * hidden.weight
        return value, gradient

    return differentiable(*(getattr(inputs, name) for name in names))


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

    @custom_gradient
    def differentiable(logits: tf.Tensor, positive: tf.Tensor) -> Any:
        masked = tf.where(valid, tf.stop_gradient(logits), LOWEST)
        count = tf.reduce_sum(tf.cast(valid, logits.dtype), axis=1)
        terms = as_users_wrote(objective)(masked, tf.stop_gradient(positive), count)

        def gradient(upstream: tf.Tensor) -> Any:
            d_logits = (upstream * terms.coefficient)[:, None] * terms.weights
            return _first_order_only((d_logits, upstream * terms.slope), (logits, positive))

        return terms.value, gradient

    return differentiable(logits, positive)


def _block_rows(
    rows: int | tf.Tensor, columns: int | tf.Tensor, width: int | tf.Tensor
) -> int | tf.Tensor:
    """Chooses blocks that use caches well and are few, as each adds to all candidates' gradients.

    A block has 512 rows, more while its logits take less than 16 MiB, fewer where they would take
    over 64 MiB, but no fewer than it takes to be as large as the candidates themselves.
    """
    columns, rows = _max(columns, 1), _max(rows, 1)
    fitting = _max(512, _CACHED // columns)
    fitting = _max(-_max(-fitting, -(_LARGEST // columns)), width)
    blocks = 1 + (rows - 1) // fitting
    return 1 + (rows - 1) // blocks


def _max(one: int | tf.Tensor, other: int | tf.Tensor) -> int | tf.Tensor:
    is_known = isinstance(one, int) and isinstance(other, int)
    return max(one, other) if is_known else tf.maximum(one, other)


def _scale_by(
    upstream: tf.Tensor, result: Gradients, compute_anew: Callable[[], Gradients]
) -> dict[str, tf.Tensor]:
    """Returns the gradients of what comes after, by the names of `Inputs`.

    Args:
        upstream: `[B]` the gradient by the weighted losses.
        result: Gradients by their sum.
        compute_anew: Gives the gradients of their sum with weights times `upstream`.
    """
    names = ["candidates"] if result.bias is None else ["candidates", "bias"]
    by_columns = [getattr(result, name) for name in names]
    same = common_value(upstream)
    if same is not None:
        # A mean over no rows divides by zero; what it says of no rows is nothing.
        same = tf.where(tf.size(upstream) > 0, same, tf.zeros_like(same))
        found = [same * part for part in by_columns]
        return {
            **dict(zip(names, found, strict=True)),
            "queries": same * result.queries,
            "positive": same * result.positive,
            "weight": same * result.value,
        }
    same = tf.reduce_max(upstream)
    found = tf.cond(
        tf.equal(same, tf.reduce_min(upstream)),
        lambda: [same * part for part in by_columns],
        lambda: [getattr(anew, name) for anew in [compute_anew()] for name in names],
    )
    return {
        **dict(zip(names, found, strict=True)),
        "queries": tf.expand_dims(upstream, 1) * result.queries,
        "positive": upstream * result.positive,
        "weight": upstream * result.value,
    }


def _first_order_only(gradients: Sequence[tf.Tensor], arguments: Sequence[tf.Tensor]) -> Any:
    """Passes gradients on, and says so where someone differentiates them by the arguments."""

    @custom_gradient
    def guard(*tensors: tf.Tensor) -> Any:
        def second(*_: tf.Tensor) -> Any:
            raise NotImplementedError(
                "tfrs_ext's losses have first gradients only: for second gradients write the loss "
                "with TensorFlow's own operations over a matrix of scores."
            )

        return [tf.identity(tensor) for tensor in tensors[: len(gradients)]], second

    return guard(*gradients, *arguments)
