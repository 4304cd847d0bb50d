"""One pass over blocks of rows: values and gradients, in memory for one block of scores.

The matrix of scores `[B, N]` is never there as a whole. A loop takes some rows at a time, scores
them against all candidates, and adds up what a gradient needs; then their scores are dropped.

                      candidates, as sorted by `ops.exclusion`
                  0      first    last              N
                  +--------+--------+---------------+
    a block of    |  rest  | strip  |     rest      |   ids are compared in the strip alone
    rows          +--------+--------+---------------+

For each block the pool is **rotated**, so that the strip comes first and the rest is one piece. To
rotate without moving data, the candidates are written twice, one copy behind the other: a rotated
pool is then one slice of N rows that starts at `first`.

    twice:        | 0 ... first | first .. last | last ... N | 0 ... first | ...
    rotated:                    [ strip         | rest                     ]

A block's scores go to a `Step`, which answers with `RowTerms`: the loss of each row, and weights
whose products with candidates and queries are the gradients. These are all that is kept:

    d_query[row]         = coefficient[row] * sum over columns of weights[row, column] * candidate
    d_candidate[column] += sum over rows of coefficient[row] * weights[row, column] * query
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.ops.exclusion import NoExclusion
from tfrs_ext.ops.objectives import Objective, RowTerms
from tfrs_ext.ops.scores import LOWEST
from tfrs_ext.ops.tracing import as_users_wrote


class Inputs(NamedTuple):
    """The differentiable arguments, all of one dtype.

    Attributes:
        queries: `[B, D]`, scaled.
        candidates: `[N, D]`.
        positive: `[B]`.
        bias: `[N]`.
        weight: `[B]`.
    """

    queries: tf.Tensor
    candidates: tf.Tensor
    positive: tf.Tensor
    bias: tf.Tensor
    weight: tf.Tensor


class Block(NamedTuple):
    """The scores of some rows, without bias, in two parts of the columns.

    Attributes:
        strip: `[b, m]`, the columns among which some are excluded.
        rest: `[b, N - m]`, all others.
        valid: `[b, m]`, which of `strip` are not excluded.
        bias: The two parts' biases, `[m]` and `[N - m]`.
        factors: The two parts' factors, if the method has any.
        positive: `[b]`.
        count: `[b]` floating point, the number of negatives.
    """

    strip: tf.Tensor
    rest: tf.Tensor
    valid: tf.Tensor
    bias: tuple[tf.Tensor, tf.Tensor]
    factors: tuple[tf.Tensor, tf.Tensor]
    positive: tf.Tensor
    count: tf.Tensor


class Gradients(NamedTuple):
    """Unweighted values, and gradients of their weighted sum."""

    value: tf.Tensor
    queries: tf.Tensor
    positive: tf.Tensor
    candidates: tf.Tensor
    bias: tf.Tensor


# A method looks at the ordered inputs and answers with factors of the columns `[N]` or None, and
# with a function from a block to its terms. The terms' `weights` are those of all columns, or of
# the strip and of the rest in a tuple; the factors belong to them.
Step = Callable[[Block], RowTerms]
Method = Callable[[Inputs], "tuple[tf.Tensor | None, Step]"]


def by_objective(objective: Objective) -> Method:
    """Makes the method that gives whole rows of masked logits to an objective."""

    def step(block: Block) -> RowTerms:
        strip = tf.where(block.valid, block.strip + block.bias[0], LOWEST)
        logits = tf.concat([strip, block.rest + block.bias[1]], axis=1)
        terms = as_users_wrote(objective)(logits, block.positive, block.count)
        return terms._replace(weights=(terms.weights,))

    return lambda inputs: (None, step)


def pass_over_blocks(
    method: Method, exclusion: NoExclusion, block_rows: int | tf.Tensor, inputs: Inputs
) -> Gradients:
    """Computes the values of all rows and the gradients, block by block.

    Args:
        method: How a block of scores becomes terms.
        exclusion: Which candidates are no negatives of a row.
        block_rows: The rows in a block, a number or scalar tensor.
        inputs: The arguments.

    Returns:
        Values and gradients, in the inputs' order.
    """
    inputs = Inputs(
        exclusion.order_rows(inputs.queries),
        exclusion.order_columns(inputs.candidates),
        exclusion.order_rows(inputs.positive),
        exclusion.order_columns(inputs.bias),
        exclusion.order_rows(inputs.weight),
    )
    factors, step = method(inputs)
    pool = _Columns(inputs, factors, exclusion)
    # The product [D, b] x [b, N] is a fifth faster than [N, b] x [b, D] with the block transposed.
    columns = tf.transpose(inputs.queries)
    rows, width, dtype = tf.shape(inputs.queries)[0], inputs.queries.shape[1], inputs.queries.dtype
    blocks = tf.maximum(-(-rows // block_rows), 1)  # One of no rows where there are none.

    def arrays(shape: list[int | None]) -> tf.TensorArray:
        return tf.TensorArray(dtype, blocks, infer_shape=False, element_shape=shape)

    def body(
        i: tf.Tensor,
        value: tf.TensorArray,
        d_query: tf.TensorArray,
        slope: tf.TensorArray,
        d_candidate: tf.Tensor,
        d_bias: tf.Tensor,
    ) -> tuple[tf.Tensor | tf.TensorArray, ...]:
        start = i * block_rows
        stop = tf.minimum(start + block_rows, rows)
        query, weight = inputs.queries[start:stop], inputs.weight[start:stop]
        view = pool.view(start, stop)
        terms = step(view.block(query, inputs.positive[start:stop]))
        # Scaling the narrow sides of the products spares a pass over the block.
        coefficient = terms.coefficient * weight
        return (
            i + 1,
            value.write(i, terms.value),
            d_query.write(i, coefficient[:, None] * view.combine(terms.weights)),
            slope.write(i, terms.slope * weight),
            d_candidate + view.spread(terms.weights, columns[:, start:stop] * coefficient),
            d_bias + view.spread(terms.weights, coefficient[None, :])[0],
        )

    state = (
        0,
        arrays([None]),
        arrays([None, width]),
        arrays([None]),
        tf.zeros_like(tf.transpose(inputs.candidates)),
        tf.zeros_like(inputs.bias),
    )
    # One block at a time: two at once would double the memory and share the same cores.
    _, value, d_query, slope, d_candidate, d_bias = tf.while_loop(
        lambda i, *_: i < blocks, body, state, parallel_iterations=1
    )
    d_candidate = tf.transpose(d_candidate)
    if factors is not None:
        d_candidate, d_bias = d_candidate * factors[:, None], d_bias * factors
    return Gradients(
        exclusion.restore_rows(value.concat()),
        exclusion.restore_rows(d_query.concat()),
        exclusion.restore_rows(slope.concat()),
        exclusion.restore_columns(d_candidate),
        exclusion.restore_columns(d_bias),
    )


class _Columns:
    """The candidates, written twice where the strip moves: each rotation is then one slice."""

    def __init__(self, inputs: Inputs, factors: tf.Tensor | None, exclusion: NoExclusion) -> None:
        def twice(values: tf.Tensor) -> tf.Tensor:
            return tf.concat([values, values], axis=0) if exclusion.moves else values

        self.shape = inputs.candidates.shape
        self.size = tf.shape(inputs.candidates)[0]
        self.exclusion = exclusion
        self.keys = twice(inputs.candidates)
        self.bias = twice(inputs.bias)
        self.values = self.keys
        self.factors = tf.zeros([0], inputs.bias.dtype)
        if factors is not None:
            self.factors = twice(factors)
            self.values = twice(inputs.candidates * factors[:, None])

    def view(self, start: int | tf.Tensor, stop: int | tf.Tensor) -> "_View":
        """Returns the pool as the rows from `start` to `stop` see it."""
        return _View(self, start, stop)


class _View:
    """The pool as a block of rows sees it: rotated, so that the strip comes first."""

    def __init__(self, pool: _Columns, start: int | tf.Tensor, stop: int | tf.Tensor) -> None:
        self._pool = pool
        self._first, self._last = pool.exclusion.strip(start, stop)
        self._end = self._first + pool.size
        self._valid, self._excluded = pool.exclusion.valid(start, stop)

    def _split(self, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return values[self._first : self._last], values[self._last : self._end]

    def block(self, query: tf.Tensor, positive: tf.Tensor) -> Block:
        """Scores some rows against all candidates."""
        strip, rest = (
            tf.matmul(query, keys, transpose_b=True) for keys in self._split(self._pool.keys)
        )
        count = tf.cast(self._pool.size - self._excluded, query.dtype)
        bias, factors = self._split(self._pool.bias), self._split(self._pool.factors)
        return Block(strip, rest, self._valid, bias, factors, positive, count)

    def combine(self, weights: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """Sums the candidates by the rows' weights: `[b, D]`."""
        if len(weights) == 1:
            return tf.matmul(weights[0], self._pool.values[self._first : self._end])
        strip, rest = self._split(self._pool.values)
        return tf.matmul(weights[0], strip) + tf.matmul(weights[1], rest)

    def spread(self, weights: tuple[tf.Tensor, ...], rows: tf.Tensor) -> tf.Tensor:
        """Sums the rows `[d, b]` by the candidates' weights, in the order of the pool: `[d, N]`."""
        parts = [tf.matmul(rows, part) for part in weights]
        if self._pool.exclusion.moves:  # Rotated back: the rest's end belongs before the strip.
            width = self._last - self._first
            strip, rest = parts if len(parts) == 2 else (parts[0][:, :width], parts[0][:, width:])
            behind = self._pool.size - self._last  # So many of the rest come behind the strip.
            parts = [rest[:, behind:], strip, rest[:, :behind]]
        total = tf.concat(parts, axis=1) if len(parts) > 1 else parts[0]
        return tf.ensure_shape(total, [rows.shape[0], self._pool.shape[0]])
