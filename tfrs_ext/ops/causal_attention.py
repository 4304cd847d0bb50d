"""Causal self-attention within packed sequences, in memory for a few sequences at a time."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfrs_ext.ops.scores import LOWEST

_SEQUENCES = 32  # In a block: its weights, [32, H, 200, 200] float32, take 5 MB a head.

Block = tuple[tf.Tensor, ...]
"""The tokens of a block's sequences, padded to the longest of them: each `[n, H, L, D / H]`."""


def causal_attention(
    queries: tf.Tensor,
    keys: tf.Tensor,
    values: tf.Tensor,
    row_splits: tf.Tensor,
    num_heads: int = 1,
) -> tf.Tensor:
    """Lets every token attend to itself and to the tokens before it in its own sequence.

    `y_i = sum_{j <= i} softmax_j(<q_i, k_j> / sqrt(D / H)) v_j` in each of H heads.

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

    Returns:
        `[T, D]`, in the dtype of `values`.

    References:
        Vaswani et al.: Attention Is All You Need, NeurIPS 2017. Kang and McAuley: Self-Attentive
        Sequential Recommendation, ICDM 2018. Dao et al.: FlashAttention, NeurIPS 2022.
    """

    def attend(queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor) -> Block:
        return (tf.matmul(_weights(queries, keys), values),)

    def differentiate(
        queries: tf.Tensor, keys: tf.Tensor, values: tf.Tensor, upstream: tf.Tensor
    ) -> Block:
        weights = _weights(queries, keys)
        d_weights = tf.cast(tf.matmul(upstream, values, transpose_b=True), tf.float32)
        exact = tf.cast(weights, tf.float32)
        mean = tf.reduce_sum(d_weights * exact, axis=-1, keepdims=True)
        d_scores = tf.cast(exact * (d_weights - mean) * _scale(queries), queries.dtype)
        return (
            tf.matmul(d_scores, keys),
            tf.matmul(d_scores, queries, transpose_a=True),
            tf.matmul(weights, upstream, transpose_a=True),
        )

    @tf.custom_gradient
    def differentiable(*tokens: tf.Tensor) -> Any:
        hidden = [tf.stop_gradient(part) for part in tokens]
        (result,) = _over_blocks(attend, hidden, 1, row_splits, num_heads)

        def gradient(upstream: tf.Tensor) -> Any:
            return _over_blocks(differentiate, [*hidden, upstream], 3, row_splits, num_heads)

        return result, gradient

    return differentiable(queries, keys, values)


def _scale(queries: tf.Tensor) -> float:
    return float(queries.shape[-1]) ** -0.5


def _weights(queries: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
    scores = tf.cast(tf.matmul(queries, keys, transpose_b=True), tf.float32) * _scale(queries)
    length = tf.shape(scores)[-1]
    future = 1.0 - tf.linalg.band_part(tf.ones([length, length]), -1, 0)
    return tf.cast(tf.nn.softmax(scores + future * LOWEST), queries.dtype)


def _over_blocks(
    compute: Callable[..., Block],
    tokens: list[tf.Tensor],
    num_results: int,
    row_splits: tf.Tensor,
    num_heads: int,
) -> list[tf.Tensor]:
    """Returns what `compute` makes of the padded tokens of each block, packed again: `[T, D]`."""
    splits = tf.cast(row_splits, tf.int32)
    count = tf.size(splits) - 1
    blocks = -(-count // _SEQUENCES)
    width, dtype = tokens[0].shape[-1], tokens[0].dtype

    def step(block: tf.Tensor, *done: tf.TensorArray) -> tuple[Any, ...]:
        rows = splits[block * _SEQUENCES : tf.minimum((block + 1) * _SEQUENCES, count) + 1]
        begin, end = rows[0], rows[-1]
        inner = rows - begin
        padded = [_split_heads(pad_rows(part[begin:end], inner), num_heads) for part in tokens]
        results = [pack_rows(_join_heads(part), inner) for part in compute(*padded)]
        return (
            block + 1,
            *(array.write(block, part) for array, part in zip(done, results, strict=True)),
        )

    arrays = [
        tf.TensorArray(dtype, size=blocks, infer_shape=False, element_shape=[None, width])
        for _ in range(num_results)
    ]
    _, *arrays = tf.while_loop(
        lambda block, *_: block < blocks,
        step,
        (tf.constant(0), *arrays),
        parallel_iterations=1,
    )
    results = [array.concat() for array in arrays]
    return [tf.ensure_shape(part, [None, width]) for part in results]


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
