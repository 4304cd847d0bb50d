"""A tower as a bundle uses it."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.bundle.model_reader import ModelReader

_BATCH = 4096


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

    def embed_in_batches(self, columns: Mapping[str, tf.Tensor]) -> npt.NDArray[np.float32]:
        """Returns the embeddings of any number of rows."""
        embed, count = tf.function(self), len(next(iter(columns.values())))
        parts = [
            embed({name: columns[name][start : start + _BATCH] for name in self.names}).numpy()
            for start in range(0, count, _BATCH)
        ]
        vectors: npt.NDArray[np.float32] = np.concatenate(parts)
        return vectors
