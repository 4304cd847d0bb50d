"""A ranking model as a bundle uses it."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from tfrs_ext.serving.bundle.model_reader import ModelReader

# Pairs of a user and an item that the model sees at a time: bounds the memory of a request.
_BLOCK = 4096


class RankingReader(ModelReader):
    """Scores the columns that a ranking model reads."""

    def __call__(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the scores `[B]` float32 of `{column: [B, ...]}`."""
        scores = self.outputs(columns)
        if scores.shape.rank not in (1, 2) or scores.shape[1:] not in ([], [1]):
            raise ValueError(
                f"{self.model.name} must return one score for each row, [B, 1] or [B], received "
                f"shape={scores.shape}."
            )
        return tf.reshape(scores, [-1])

    def pairs(
        self,
        users: Mapping[str, tf.Tensor],
        items: Mapping[str, tf.Tensor],
        positions: tf.Tensor,
    ) -> tf.Tensor:
        """Scores users with items, in blocks of pairs.

        Args:
            users: `{column: [B, ...]}`.
            items: `{column: [C, ...]}`.
            positions: `[B, M]` int32, of items.

        Returns:
            `[B, M]` float32.
        """
        shape = tf.shape(positions)
        flat = tf.reshape(positions, [-1])

        def score(pairs: tf.Tensor) -> tf.Tensor:
            of_user, of_item = pairs // shape[1], tf.gather(flat, pairs)
            columns = {name: tf.gather(column, of_user) for name, column in users.items()}
            return self(
                {**columns, **{name: tf.gather(column, of_item) for name, column in items.items()}}
            )

        return tf.reshape(_in_blocks(score, tf.size(flat)), shape)


def _in_blocks(score: Callable[[tf.Tensor], tf.Tensor], count: tf.Tensor) -> tf.Tensor:
    # At least one block, be it empty: an array of no parts can't be concatenated.
    blocks = tf.maximum(-(-count // _BLOCK), 1)

    def add(block: tf.Tensor, parts: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        start = block * _BLOCK
        pairs = tf.range(start, tf.minimum(start + _BLOCK, count))
        return block + 1, parts.write(block, score(pairs))

    parts = tf.TensorArray(tf.float32, blocks, infer_shape=False, element_shape=[None])
    _, parts = tf.while_loop(
        lambda block, _: block < blocks, add, (tf.constant(0), parts), parallel_iterations=1
    )
    return parts.concat()
