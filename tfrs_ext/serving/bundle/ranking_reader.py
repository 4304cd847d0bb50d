"""A ranking model as a bundle uses it."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext.ops.pair_scores import score_pairs
from tfrs_ext.serving.bundle.model_reader import ModelReader


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
        return score_pairs(self, users, items, positions)
