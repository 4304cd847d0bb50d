"""Scores of users with some items each, a bounded number of pairs at a time."""

from collections.abc import Callable, Mapping

import tensorflow as tf

# Pairs of a user and an item that the model sees at a time: bounds the memory of a request.
BLOCK = 4096

Score = Callable[[Mapping[str, tf.Tensor]], tf.Tensor]
"""From `{column: [N, ...]}` of both sides to scores `[N]`."""


def score_pairs(
    score: Score,
    users: Mapping[str, tf.Tensor],
    items: Mapping[str, tf.Tensor],
    positions: tf.Tensor,
    block: int = BLOCK,
    pairs: Mapping[str, tf.Tensor] | None = None,
) -> tf.Tensor:
    """Scores users with items, in blocks of pairs.

    Args:
        score: The model.
        users: `{column: [B, ...]}`.
        items: `{column: [C, ...]}`.
        positions: `[B, M]` int32, of items, not negative.
        block: How many pairs are scored at a time.
        pairs: `{column: [B, M]}`, what the model reads of pairs, or None.

    Returns:
        `[B, M]` float32.
    """
    shape = tf.shape(positions)
    flat = tf.reshape(positions, [-1])
    by_pair = {name: tf.reshape(values, [-1]) for name, values in (pairs or {}).items()}

    def score_block(numbers: tf.Tensor) -> tf.Tensor:
        of_user, of_item = numbers // shape[1], tf.gather(flat, numbers)
        columns = {name: tf.gather(column, of_user) for name, column in users.items()}
        columns |= {name: tf.gather(column, of_item) for name, column in items.items()}
        return score(columns | {n: tf.gather(column, numbers) for n, column in by_pair.items()})

    return tf.reshape(_in_blocks(score_block, tf.size(flat), block), shape)


def _in_blocks(score: Callable[[tf.Tensor], tf.Tensor], count: tf.Tensor, size: int) -> tf.Tensor:
    # At least one block, be it empty: an array of no parts can't be concatenated.
    blocks = tf.maximum(-(-count // size), 1)

    def add(block: tf.Tensor, parts: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        start = block * size
        pairs = tf.range(start, tf.minimum(start + size, count))
        return block + 1, parts.write(block, score(pairs))

    parts = tf.TensorArray(tf.float32, blocks, infer_shape=False, element_shape=[None])
    _, parts = tf.while_loop(
        lambda block, _: block < blocks, add, (tf.constant(0), parts), parallel_iterations=1
    )
    return parts.concat()
