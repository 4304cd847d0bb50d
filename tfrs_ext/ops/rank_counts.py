"""Ranks by counting: how many candidates score at least a threshold, in blocks of memory."""

from collections.abc import Callable

import tensorflow as tf

_ROWS, _COLUMNS, _PAIRS = 2048, 1024, 65_536  # A block of scores is 8 MiB: it stays in cache.
_AT_ONCE = 2  # Blocks of rows: one is summed while the product of another takes all cores.
_TOLERANCE = 1e-6  # Rounding of a float32 dot product, relative to the product of the norms.
_TINY = 1e-30  # Zeros tie; smaller numbers might be flushed to zero.
_STEEP = 2.0**104  # Makes more than six of every difference that counts, even of `_TINY`.
_TAME = 1e6  # Whatever is below it can be made so steep, and stays finite.

CountBelow = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
"""From queries `[R, D]`, candidates `[K, D]` and limits `[R]` to how many scores are below."""


def tie_bounds(queries: tf.Tensor, positives: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the scores from which a candidate ties with the positive, and from which it wins.

    `lower = q·p - t`, `upper = q·p + t` with `t = 1e-6 ‖q‖ ‖p‖`: the same two vectors give other
    last bits in a matrix product than in a sum, and must tie with themselves nevertheless.

    Args:
        queries: `[N, D]` float32.
        positives: `[N, D]` float32.

    Returns:
        Two tensors `[N]` float32, for `count_at_least`; NaN where the score isn't finite.
    """
    scores = tf.reduce_sum(queries * positives, axis=1)
    scores = tf.where(tf.math.is_finite(scores), scores, float("nan"))
    tolerance = _TOLERANCE * tf.norm(queries, axis=1) * tf.norm(positives, axis=1)
    tolerance += _TINY
    return scores - tolerance, scores + tolerance


@tf.function(reduce_retracing=True)
def count_at_least(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    thresholds: tf.Tensor,
    query_of: tf.Tensor | None = None,
) -> tf.Tensor:
    """Counts the candidates whose score isn't below a threshold: `Σ_c 1[not q·c < t]`.

    There is neither a `[N, C]` matrix nor a sort: memory is two blocks of 8 MiB. NaN isn't below
    anything, so a score or a threshold of NaN counts against the positive.

    Args:
        queries: `[Q, D]` float32.
        candidates: `[C, D]` float32.
        thresholds: `[N]` float32, such as `tie_bounds` returns.
        query_of: `[N]` integer, the row of `queries` that each threshold belongs to; without it
            `N = Q` and threshold n belongs to query n.

    Returns:
        `[N]` int32.
    """
    # Asked once: a condition in each block would cost as much as a tenth of the product.
    return tf.cond(
        _are_tame(queries, candidates, thresholds),
        lambda: _count_in_blocks(
            -_STEEP * queries, candidates, _STEEP * thresholds, query_of, _count_below
        ),
        lambda: _count_in_blocks(queries, candidates, thresholds, query_of, _count_below_of_any),
    )


def _count_in_blocks(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    limits: tf.Tensor,
    query_of: tf.Tensor | None,
    count_below: CountBelow,
) -> tf.Tensor:
    """Returns how many candidates `count_below` leaves of each limit, `[N]` int32."""
    total, count = tf.shape(candidates)[0], tf.shape(limits)[0]
    columns, block_rows = _even_size(total, _COLUMNS), _even_size(count, _ROWS)

    def count_rows(begin: tf.Tensor) -> tf.Tensor:
        rows = slice(begin, begin + block_rows)
        block = queries[rows] if query_of is None else tf.gather(queries, query_of[rows])
        own = limits[rows]

        def add(column: tf.Tensor, below: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            added = count_below(block, candidates[column : column + columns], own)
            return column + columns, below + tf.cast(added, tf.int32)

        start = (tf.constant(0), tf.zeros_like(own, tf.int32))
        _, below = tf.while_loop(
            lambda column, _: column < total, add, start, parallel_iterations=1
        )
        return total - below

    return _concat_blocks(count_rows, count, block_rows, tf.int32, _AT_ONCE)


def _even_size(total: tf.Tensor, most: int) -> tf.Tensor:
    """Returns the size of as few blocks as can be, about the same for all: a small one is slow.

    It is a multiple of 16, the numbers in the widest vector of a processor.
    """
    blocks = tf.maximum((total + most - 1) // most, 1)
    return tf.maximum((total + 16 * blocks - 1) // (16 * blocks), 1) * 16


def _are_tame(queries: tf.Tensor, candidates: tf.Tensor, thresholds: tf.Tensor) -> tf.Tensor:
    """Returns whether there are thresholds, and they and all scores are finite, and not huge.

    Where nothing is asked, oneDNN's product with a bias would end the process.
    """
    largest_query, largest_candidate = (
        tf.reduce_max(tf.norm(vectors, axis=1)) for vectors in (queries, candidates)
    )
    largest = tf.stack(
        [
            largest_query,
            largest_candidate,
            largest_query * largest_candidate,
            tf.reduce_max(tf.abs(thresholds)),
        ]
    )
    return tf.logical_and(tf.size(thresholds) > 0, tf.reduce_all(largest < _TAME))


def _count_below(queries: tf.Tensor, candidates: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Counts scores below their row's limit, `[R]`, at hardly more than the product's cost.

    A product and a bias give limit - score, so steep that it is 6 or 0 once it is clipped to what
    lies between. TensorFlow adds the bias and clips while it writes the product. Then a sum is all
    that is left, which a product with ones does quickest.

    Args:
        queries: `[R, D]`, the queries times `-_STEEP`.
        candidates: `[K, D]`.
        limits: `[R]` float32, times `_STEEP`.
    """
    product = tf.matmul(candidates, queries, transpose_b=True)
    clipped = tf.nn.relu6(tf.nn.bias_add(product, limits))
    ones = tf.ones([1, tf.shape(candidates)[0]])
    return tf.round(tf.matmul(ones, clipped)[0] / 6.0)


def _count_below_of_any(queries: tf.Tensor, candidates: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
    """Counts the same of any numbers, NaN among them."""
    scores = tf.matmul(queries, candidates, transpose_b=True)
    # A float sum is exact here and takes half the time of an integer sum.
    return tf.reduce_sum(tf.cast(scores < limits[:, tf.newaxis], tf.float32), axis=1)


@tf.function(reduce_retracing=True)
def count_excluded_at_least(
    queries: tf.Tensor,
    candidates: tf.Tensor,
    thresholds: tf.Tensor,
    excluded: tf.RaggedTensor,
    query_of: tf.Tensor | None = None,
) -> tf.Tensor:
    """Counts as `count_at_least` does, among the candidates that a query excludes.

    The difference of the two is the count among the candidates that remain. Each excluded pair
    is scored once, however many thresholds its query has.

    Args:
        queries: `[Q, D]` float32.
        candidates: `[C, D]` float32.
        thresholds: `[N]` float32.
        excluded: `[Q, (E)]` integer rows of `candidates`, each at most once in a row.
        query_of: `[N]` integer, as in `count_at_least`.

    Returns:
        `[N]` int32.
    """
    owners, rows = excluded.value_rowids(), excluded.values

    def score_pairs(begin: tf.Tensor) -> tf.Tensor:
        pairs = slice(begin, begin + _PAIRS)
        left, right = tf.gather(queries, owners[pairs]), tf.gather(candidates, rows[pairs])
        return tf.reduce_sum(left * right, axis=1)

    scores = _concat_blocks(score_pairs, tf.shape(rows)[0], _PAIRS, tf.float32)
    keys = tf.sort(_sortable(owners, tf.where(tf.math.is_nan(scores), float("inf"), scores)))
    query_of = tf.range(tf.shape(thresholds)[0]) if query_of is None else query_of
    limits = tf.where(tf.math.is_nan(thresholds), -float("inf"), thresholds)
    ends = tf.gather(excluded.row_splits, query_of + 1)
    return tf.cast(ends, tf.int32) - tf.searchsorted(keys, _sortable(query_of, limits))


def _sortable(owners: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Packs (integer, float32) pairs into int64 numbers of the same lexicographic order."""
    bits = tf.bitcast(values + 0.0, tf.int32)  # The sum makes one zero of -0.0 and 0.0.
    bits = tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, tf.int32.max), bits)
    return tf.cast(owners, tf.int64) * 2**32 + tf.cast(bits, tf.int64)


def _concat_blocks(
    function: Callable[[tf.Tensor], tf.Tensor],
    total: tf.Tensor,
    size: int | tf.Tensor,
    dtype: tf.DType,
    at_once: int = 1,
) -> tf.Tensor:
    """Concatenates `function(begin)` over the blocks that begin at multiples of `size`."""
    count = tf.maximum((total + size - 1) // size, 1)  # An array of no blocks has no shape.
    blocks = tf.TensorArray(dtype, count, infer_shape=False, element_shape=[None])
    _, blocks = tf.while_loop(
        lambda block, _: block < count,
        lambda block, array: (block + 1, array.write(block, function(block * size))),
        (tf.constant(0), blocks),
        parallel_iterations=at_once,
    )
    return tf.ensure_shape(blocks.concat(), [None])
