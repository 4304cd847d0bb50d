"""A tower as a bundle uses it."""

from collections.abc import Mapping

import tensorflow as tf

from tfrs_ext.serving.bundle.model_reader import ModelReader


class TowerReader(ModelReader):
    """Embeds the columns that a tower reads."""

    def __call__(self, columns: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the embeddings `[B, D]` float32 of `{column: [B, ...]}`."""
        embeddings = self.outputs(columns)
        if embeddings.shape.rank != 2:
            raise ValueError(
                f"{self.model.name} must return embeddings [B, D], received "
                f"shape={embeddings.shape}."
            )
        return embeddings
