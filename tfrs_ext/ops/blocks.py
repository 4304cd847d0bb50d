"""One pass over blocks of rows: values and gradients, in memory for one block of scores.

The matrix of scores `[B, N]` is never there as a whole. A loop takes some rows at a time, scores
them against all candidates, and adds up what a gradient needs; then their scores are dropped.

A block's scores go to a `Step`, which answers with `RowTerms`: the loss of each row, and weights
whose products with candidates and queries are the gradients. These are all that is kept:

    d_query[row]         = coefficient[row] * sum over columns of weights[row, column] * candidate
    d_candidate[column] += sum over rows of coefficient[row] * weights[row, column] * query
    d_bias[column]      += sum over rows of coefficient[row] * weights[row, column]
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfrs_ext.ops.exclusion import NoExclusion, Part
from tfrs_ext.ops.objectives import Objective, RowTerms
from tfrs_ext.ops.scores import LOWEST
from tfrs_ext.ops.spans import Span, sizes
from tfrs_ext.ops.tracing import as_users_wrote


class Inputs(NamedTuple):
    """The differentiable arguments, all of one dtype.

    Attributes:
        queries: `[B, D]`, scaled.
        candidates: `[N, D]`.
        positive: `[B]`.
        bias: `[N]`, or None for zeros.
        weight: `[B]`, or None for ones.
    """

    queries: tf.Tensor
    candidates: tf.Tensor
    positive: tf.Tensor
    bias: tf.Tensor | None
    weight: tf.Tensor | None


class Block(NamedTuple):
    """The scores of some rows, in parts of the columns.

    Attributes:
        scores: `[b, m]` each, without bias; `LOWEST` where a candidate is no negative of the row.
        bias: Gives the parts' biases `[m]`; None without a bias.
        positive: `[b]`.
        num_negatives: Gives how many negatives each row has, `[b]`.
        total: Sums the columns' factors up by weights, `[b, m]` for each part: `[b]`.
    """

    scores: list[tf.Tensor]
    bias: Callable[[], list[tf.Tensor]] | None
    positive: tf.Tensor
    num_negatives: Callable[[], tf.Tensor]
    total: Callable[[Sequence[tf.Tensor]], tf.Tensor]

    def logits(self) -> list[tf.Tensor]:
        """Returns the scores with the bias."""
        if self.bias is None:
            return self.scores
        return [part + bias for part, bias in zip(self.scores, self.bias(), strict=True)]


class Gradients(NamedTuple):
    """Unweighted values, and gradients of their weighted sum; None for a bias that isn't there."""

    value: tf.Tensor
    queries: tf.Tensor
    positive: tf.Tensor
    candidates: tf.Tensor
    bias: tf.Tensor | None


# A method looks at the inputs and answers with factors of the columns `[N]` or None, and with a
# function from a block to its terms, whose weights are those of the parts.
Step = Callable[[Block], RowTerms]
Method = Callable[[Inputs], "tuple[tf.Tensor | None, Step]"]


def by_objective(objective: Objective) -> Method:
    """Makes the method that gives whole rows of masked logits to an objective."""

    def step(block: Block) -> RowTerms:
        parts = block.logits()
        logits = tf.concat(parts, axis=1)
        terms = as_users_wrote(objective)(logits, block.positive, block.num_negatives())
        widths = [tf.shape(part)[1] for part in parts]
        return terms._replace(weights=tf.split(terms.weights, widths, axis=1, num=len(parts)))

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
        Values and gradients.
    """
    factors, step = method(inputs)
    pool = _Columns(inputs, factors, exclusion)
    rows, width = sizes(inputs.queries)
    queries, positives = (exclusion.order_rows(x) for x in (inputs.queries, inputs.positive))
    row_weights = None if inputs.weight is None else exclusion.order_rows(inputs.weight)
    blocks = tf.maximum(-(-rows // block_rows), 1)  # One of no rows where there are none.

    def body(
        i: tf.Tensor, of_rows: tf.TensorArray, of_columns: tf.Tensor
    ) -> tuple[tf.Tensor | tf.TensorArray, ...]:
        start = i * block_rows
        span = Span(start, tf.minimum(start + block_rows, rows))
        view, query = pool.view(span), span.of(queries)
        terms = step(view.block(query, span.of(positives)))
        coefficient, slope = terms.coefficient, terms.slope
        if row_weights is not None:
            weight = span.of(row_weights)
            coefficient, slope = coefficient * weight, slope * weight
        # Scaling the narrow sides of the products spares a pass over the block.
        coefficient = tf.expand_dims(coefficient, 1)
        found = [
            coefficient * view.combine(terms.weights),
            tf.stack([terms.value, slope], axis=1),
        ]
        total = of_columns + view.spread(terms.weights, query, coefficient)
        total.set_shape(of_columns.shape)
        return i + 1, of_rows.write(i, tf.concat(found, axis=1)), total

    wide = None if inputs.queries.shape[1] is None else inputs.queries.shape[1] + 2
    of_rows = tf.TensorArray(
        inputs.queries.dtype, blocks, infer_shape=False, element_shape=[None, wide]
    )
    # One block at a time: two at once would double the memory and share the same cores.
    _, of_rows, of_columns = tf.while_loop(
        lambda i, *_: i < blocks, body, (0, of_rows, pool.zeros()), parallel_iterations=1
    )
    by_rows = exclusion.restore_rows(of_rows.concat())
    d_queries, value, slope = tf.split(by_rows, [width, 1, 1], axis=1)
    d_candidates, d_bias = pool.gradients(of_columns)
    return Gradients(tf.squeeze(value, 1), d_queries, tf.squeeze(slope, 1), d_candidates, d_bias)


class _Columns:
    """The candidates as the exclusion arranges them."""

    def __init__(self, inputs: Inputs, factors: tf.Tensor | None, exclusion: NoExclusion) -> None:
        order = exclusion.order_columns
        self.exclusion, self.candidates = exclusion, inputs.candidates
        self.keys = self.values = order(inputs.candidates)
        self.bias = None if inputs.bias is None else order(inputs.bias)
        self.given_factors = self.factors = factors
        if factors is not None:
            self.given_factors = tf.expand_dims(factors, 1)
            self.factors = order(self.given_factors)
            self.values = self.keys * self.factors

    def view(self, span: Span) -> "_View":
        """Returns the pool as these rows see it."""
        return _View(self, self.exclusion.parts(span))

    def zeros(self) -> tf.Tensor:
        """Returns where columns are summed up: `[D, N]`, and a row more for the bias."""
        zeros = tf.zeros_like(tf.transpose(self.candidates))
        return zeros if self.bias is None else tf.concat([zeros, tf.zeros_like(zeros[:1])], 0)

    def gradients(self, of_columns: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns the sums as gradients of candidates and bias, in the order of the inputs."""
        found = self.exclusion.restore_columns(tf.transpose(of_columns))
        if self.given_factors is not None:
            found = found * self.given_factors
        if self.bias is None:
            return found, None
        d_candidates, d_bias = tf.split(found, [sizes(self.candidates)[1], 1], axis=1)
        return d_candidates, tf.squeeze(d_bias, 1)


class _View:
    """The pool as a block of rows sees it, in parts of the columns."""

    def __init__(self, pool: _Columns, parts: list[Part]) -> None:
        self._pool, self._parts = pool, parts

    def block(self, query: tf.Tensor, positive: tf.Tensor) -> Block:
        """Scores some rows against all candidates."""
        scores = []
        for part in self._parts:
            score = tf.matmul(query, part.of(self._pool.keys), transpose_b=True)
            scores.append(score if part.valid is None else tf.where(part.valid, score, LOWEST))
        bias = None if self._pool.bias is None else self._bias
        return Block(scores, bias, positive, lambda: self._count(scores), self._total)

    def _count(self, scores: Sequence[tf.Tensor]) -> tf.Tensor:
        # Not from the scores, which may be NaN: that is no reason to find no negatives.
        return tf.add_n(
            [
                tf.reduce_sum(
                    tf.ones_like(score) if part.valid is None else tf.cast(part.valid, score.dtype),
                    axis=1,
                )
                for score, part in zip(scores, self._parts, strict=True)
            ]
        )

    def combine(self, weights: Sequence[tf.Tensor]) -> tf.Tensor:
        """Sums the candidates, times their factors, up by the rows' weights: `[b, D]`."""
        return self._multiply(weights, self._pool.values)

    def spread(
        self, weights: Sequence[tf.Tensor], query: tf.Tensor, coefficient: tf.Tensor
    ) -> tf.Tensor:
        """Sums rows up by the candidates' weights, in the arranged order: `[D, N]` or one more."""
        # The product [D, b] x [b, N] is a fifth faster than that with the block transposed.
        rows = [tf.transpose(query * coefficient)]
        if self._pool.bias is not None:  # Wider by one, the product would be slower than two are.
            rows.append(tf.reshape(coefficient, [1, -1]))
        parts = [[tf.matmul(row, part) for part in weights] for row in rows]
        joined = [tf.concat(row, axis=1) if len(row) > 1 else row[0] for row in parts]
        total = tf.concat(joined, axis=0) if len(joined) > 1 else joined[0]
        return self._pool.exclusion.rotate_back(total, self._parts)

    def _bias(self) -> list[tf.Tensor]:
        return [part.of(self._pool.bias) for part in self._parts]

    def _total(self, weights: Sequence[tf.Tensor]) -> tf.Tensor:
        if self._pool.factors is None:
            return tf.add_n([tf.reduce_sum(part, axis=1) for part in weights])
        return tf.squeeze(self._multiply(weights, self._pool.factors), 1)

    def _multiply(self, weights: Sequence[tf.Tensor], values: tf.Tensor) -> tf.Tensor:
        pairs = zip(weights, self._parts, strict=True)
        return tf.add_n([tf.matmul(weight, part.of(values)) for weight, part in pairs])
