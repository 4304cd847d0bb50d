"""Causal self-attention within packed sequences, in memory for a few sequences at a time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfrs_ext.ops.custom_gradient import custom_gradient
from tfrs_ext.ops.scores import LOWEST

_SEQUENCES = 32  # In a block: its weights, [32, H, 200, 200] float32, take 5 MB a head.

Tokens = tuple[tf.Tensor, ...]
"""The tokens of a block's sequences, padded to the longest of them: each `[n, H, L, D / H]`."""


class Gaps(NamedTuple):
    """What the times between a block's tokens add to its scores.

    Attributes:
        buckets: `[n, L, L]` int32, the bucket of the time from token j to token i.
        bias: `[N]` float32, what each bucket adds.
    """

    buckets: tf.Tensor
    bias: tf.Tensor

    def scores(self) -> tf.Tensor:
        """Returns `[n, 1, L, L]`."""
        return tf.gather(self.bias, self.buckets)[:, tf.newaxis]

    def sum_by_bucket(self, scores: tf.Tensor) -> tf.Tensor:
        """Returns the sums `[N]` of scores `[n, H, L, L]`, which is the gradient of `scores`."""
        total = tf.reduce_sum(scores, axis=1)
        return tf.raw_ops.DenseBincount(
            input=tf.reshape(self.buckets, [-1]),
            size=tf.shape(self.bias)[0],
            weights=tf.reshape(total, [-1]),
        )


def causal_attention(
    queries: tf.Tensor,
    keys: tf.Tensor,
    values: tf.Tensor,
    row_splits: tf.Tensor,
    num_heads: int = 1,
    *,
    times: tf.Tensor | None = None,
    time_bias: tf.Tensor | None = None,
) -> tf.Tensor:
    """Lets every token attend to itself and to the tokens before it in its own sequence.

    `y_i = sum_{j <= i} softmax_j(<q_i, k_j> / sqrt(D / H) + b(t_i - t_j)) v_j` in each of H heads,
    where b is `time_bias` at `log2(1 + t)`, rounded down, or 0 without times.

    Sequences are padded in blocks of neighbours, so sort them by length: the work is then that of
    the real tokens. As padding stands behind a sequence, the causal mask alone hides it. The
    gradient computes the weights anew, block by block, and no `[S, H, L, L]` outlives its block.

    Args:
        queries: `[T, D]` floating point, the tokens of all S sequences, one after the other.
        keys: `[T, D]`.
        values: `[T, D]`.
        row_splits: `[S + 1]` integers: sequence s is the tokens from `row_splits[s]` up to
            `row_splits[s + 1]`.
        num_heads: H, a divisor of D.
        times: `[T]` integers, when each token happened, ascending in a sequence; or None.
        time_bias: `[N]` float32, what each bucket of time adds; longer times count as the last.

    Returns:
        `[T, D]`, in the dtype of `values`.

    Raises:
        ValueError: `times` and `time_bias` aren't given together.

    References:
        Vaswani et al.: Attention Is All You Need, NeurIPS 2017. Kang and McAuley: Self-Attentive
        Sequential Recommendation, ICDM 2018. Dao et al.: FlashAttention, NeurIPS 2022. Zhai et al.:
        Actions Speak Louder than Words, ICML 2024, for the bias of time.
    """
    if (times is None) != (time_bias is None):
        raise ValueError(
            f"`times` and `time_bias` must be given together, received {times} and {time_bias}."
        )

    @custom_gradient
    def differentiable(*arguments: tf.Tensor) -> Any:
        hidden = [tf.stop_gradient(part) for part in arguments]
        tokens, bias = hidden[:3], hidden[3:]
        packed = _Packed(tf.cast(row_splits, tf.int32), num_heads, times, *bias)
        (result,), _ = _over_blocks(_attend, tokens, 1, packed)

        def gradient(upstream: tf.Tensor) -> Any:
            known = [*tokens, result, upstream]
            gradients, of_bias = _over_blocks(_differentiate, known, 3, packed)
            return [*gradients, of_bias] if bias else gradients

        return result, gradient

    return differentiable(queries, keys, values, *([] if time_bias is None else [time_bias]))


class _Packed(NamedTuple):
    """Where the sequences are among the tokens, and when each token happened."""

    row_splits: tf.Tensor
    num_heads: int
    times: tf.Tensor | None
    bias: tf.Tensor | None = None

    def gaps(self, begin: tf.Tensor, end: tf.Tensor, splits: tf.Tensor) -> Gaps | None:
        """Returns the gaps of the tokens from `begin` to `end`; None without times."""
        if self.times is None or self.bias is None:
            return None
        times = pad_rows(self.times[begin:end, tf.newaxis], splits)[..., 0]
        # Seconds since the sequence began: 68 years of them fit into 32 bits.
        since = tf.cast(tf.maximum(times - times[:, :1], 0), tf.int32)
        passed = tf.maximum(since[:, :, tf.newaxis] - since[:, tf.newaxis], 0)
        # The exponent of a float32, 8 bits behind 23 of fraction, is its logarithm rounded down.
        bits = tf.bitcast(1.0 + tf.cast(passed, tf.float32), tf.int32)
        logs = tf.bitwise.right_shift(bits, 23) - 127
        return Gaps(tf.minimum(logs, tf.shape(self.bias)[0] - 1), self.bias)


def _attend(tokens: Tokens, gaps: Gaps | None) -> tuple[Tokens, tf.Tensor | None]:
    queries, keys, values = tokens
    return (tf.matmul(_weights(queries, keys, gaps), values),), None


def _differentiate(tokens: Tokens, gaps: Gaps | None) -> tuple[Tokens, tf.Tensor | None]:
    queries, keys, values, attended, upstream = tokens
    weights = _weights(queries, keys, gaps)
    d_weights = tf.cast(tf.matmul(upstream, values, transpose_b=True), tf.float32)
    # What `sum_j weights_ij d_weights_ij` is, from narrow tensors.
    exact = tf.cast(upstream, tf.float32) * tf.cast(attended, tf.float32)
    mean = tf.reduce_sum(exact, axis=-1, keepdims=True)
    d_logits = tf.cast(weights, tf.float32) * (d_weights - mean)
    d_scores = tf.cast(d_logits, queries.dtype)
    gradients = (
        tf.matmul(d_scores, keys) * _scale(queries),
        tf.matmul(d_scores, queries * _scale(queries), transpose_a=True),
        tf.matmul(weights, upstream, transpose_a=True),
    )
    return gradients, None if gaps is None else gaps.sum_by_bucket(d_logits)


def _scale(queries: tf.Tensor) -> tf.Tensor:
    return tf.constant(float(queries.shape[-1]) ** -0.5, queries.dtype)


def _weights(queries: tf.Tensor, keys: tf.Tensor, gaps: Gaps | None) -> tf.Tensor:
    scores = tf.matmul(queries * _scale(queries), keys, transpose_b=True)
    scores = tf.cast(scores, tf.float32)
    scores = scores if gaps is None else scores + gaps.scores()
    length = tf.shape(scores)[-1]
    future = LOWEST * (1.0 - tf.linalg.band_part(tf.ones([length, length]), -1, 0))
    return tf.cast(tf.nn.softmax(scores + future), queries.dtype)


def _over_blocks(
    compute: Callable[[Tokens, Gaps | None], tuple[Tokens, tf.Tensor | None]],
    tokens: list[tf.Tensor],
    num_results: int,
    packed: _Packed,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Returns what `compute` makes of each block's padded tokens, packed: `[T, D]`; and its sum."""
    splits, num_heads = packed.row_splits, packed.num_heads
    count = tf.size(splits) - 1
    blocks = -(-count // _SEQUENCES)
    width, dtype = tokens[0].shape[-1], tokens[0].dtype

    def step(block: tf.Tensor, total: tf.Tensor, *done: tf.TensorArray) -> tuple[Any, ...]:
        rows = splits[block * _SEQUENCES : tf.minimum((block + 1) * _SEQUENCES, count) + 1]
        begin, end = rows[0], rows[-1]
        inner = rows - begin
        padded = [_split_heads(pad_rows(part[begin:end], inner), num_heads) for part in tokens]
        outputs, summand = compute(tuple(padded), packed.gaps(begin, end, inner))
        results = [pack_rows(_join_heads(part), inner) for part in outputs]
        return (
            block + 1,
            total if summand is None else total + summand,
            *(array.write(block, part) for array, part in zip(done, results, strict=True)),
        )

    arrays = [
        tf.TensorArray(dtype, size=blocks, infer_shape=False, element_shape=[None, width])
        for _ in range(num_results)
    ]
    total = tf.zeros([]) if packed.bias is None else tf.zeros_like(packed.bias)
    _, total, *arrays = tf.while_loop(
        lambda block, *_: block < blocks,
        step,
        (tf.constant(0), total, *arrays),
        parallel_iterations=1,
    )
    results = [array.concat() for array in arrays]
    return [tf.ensure_shape(part, [None, width]) for part in results], total


def pad_rows(tokens: tf.Tensor, row_splits: tf.Tensor) -> tf.Tensor:
    """Returns packed tokens `[t, D]` as `[n, L, D]`, with zeros behind shorter sequences.

    Args:
        tokens: `[t, D]`.
        row_splits: `[n + 1]` integers.
    """
    ragged = tf.RaggedTensor.from_row_splits(tokens, row_splits, validate=False)
    return ragged.to_tensor(shape=[None, None, tokens.shape[-1]])


def pack_rows(padded: tf.Tensor, row_splits: tf.Tensor) -> tf.Tensor:
    """Returns the tokens `[t, D]` of padded sequences `[n, L, D]`.

    Args:
        padded: `[n, L, D]`.
        row_splits: `[n + 1]` integers.
    """
    places = tf.ragged.range(row_splits[1:] - row_splits[:-1])
    rows = places.value_rowids() * tf.cast(tf.shape(padded)[1], tf.int64)
    flat = tf.reshape(padded, [-1, padded.shape[-1]])
    return tf.gather(flat, rows + tf.cast(places.values, tf.int64))


def _split_heads(padded: tf.Tensor, num_heads: int) -> tf.Tensor:
    if num_heads == 1:
        return padded[:, tf.newaxis]
    shape = tf.shape(padded)
    heads = tf.reshape(padded, [shape[0], shape[1], num_heads, padded.shape[-1] // num_heads])
    return tf.transpose(heads, [0, 2, 1, 3])


def _join_heads(heads: tf.Tensor) -> tf.Tensor:
    _, count, _, width = heads.shape
    if count == 1:
        return tf.squeeze(heads, 1)
    shape = tf.shape(heads)
    joined = tf.transpose(heads, [0, 2, 1, 3])
    return tf.reshape(joined, [shape[0], shape[2], count * width])
