"""What `Uniform` and `Popularity` share: draws from a catalogue that repeat with their seed."""

from typing import Any

import tensorflow as tf

from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.catalogue import Catalogue
from tfrs_ext.negatives.drawing import DrawingSource
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.typing import TensorLike


class Sampler(DrawingSource):
    """Draws `num_negatives` items of a catalogue, with replacement, for every batch."""

    PARTS = ("catalogue",)

    def __init__(
        self,
        catalogue: Catalogue | TensorLike,
        num_negatives: int,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_negatives, seed, **kwargs)
        self.catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue(catalogue)

    def sample(self, seed: tf.Tensor) -> tf.Tensor:
        """Returns the positions drawn, `[num_negatives]` int64.

        Args:
            seed: `[2]` int64, a seed for stateless draws.
        """
        raise NotImplementedError

    def log_q(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the log-probability `[n]` float32 that one draw gives each id."""
        raise NotImplementedError

    def draw(self, batch: Batch) -> Pool:
        """Returns the batch's positives, and items of the catalogue, drawn and embedded."""
        positions = self.sample(self.next_seed(batch.training))
        ids = tf.gather(self.catalogue.ids, positions)
        embeddings = batch.embed(self.catalogue.features(positions))
        negatives = Candidates(embeddings, ids, self._log_q_of_positions(positions))
        positives = batch.positives
        return Pool(
            positives._replace(log_q=self.log_q(positives.ids)),
            negatives.like(positives),
            density=self.log_q,
        )

    def _log_q_of_positions(self, positions: tf.Tensor) -> tf.Tensor:
        raise NotImplementedError
