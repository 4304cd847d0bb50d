"""All items as negatives."""

import math
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.catalogue import Catalogue
from tfrs_ext.negatives.pool import Pool
from tfrs_ext.negatives.source import Source
from tfrs_ext.negatives.uncorrected import uncorrected_log_q
from tfrs_ext.typing import TensorLike


@keras.saving.register_keras_serializable(package="tfrs_ext")
class WholeCatalogue(Source):
    """Answers with every item of the catalogue, each once: `log_q = -log(M)` for M items.

    Nothing is sampled, and nothing needs correcting. Every step embeds the whole catalogue, in
    training with its gradient, so it suits catalogues of some 10,000 items.

    Args:
        catalogue: The items, as `Catalogue`, or their ids `[M]`, for a tower of ids.

    Raises:
        ValueError: Where the catalogue is empty or repeats ids, or `candidate_model` isn't given.

    Relations:
        `losses.FullSoftmax` over it is exact. `Uniform` draws from the same items.

    Example:
        >>> whole = tfrs_ext.negatives.WholeCatalogue([3, 5])
        >>> positives = Candidates(tf.eye(2), tf.constant([5, 3]))
        >>> embed = lambda ids: tf.one_hot(ids, 2)
        >>> batch = tfrs_ext.negatives.Batch(tf.eye(2), positives, candidate_model=embed)
        >>> whole.draw(batch).negatives.ids.numpy()
        array([3, 5], dtype=int32)
    """

    PARTS = ("catalogue",)

    def __init__(self, catalogue: Catalogue | TensorLike, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue(catalogue)

    def draw(self, batch: Batch) -> Pool:
        """Returns the batch's positives, and all items, embedded."""
        positions = tf.range(len(self.catalogue), dtype=tf.int64)
        embeddings = batch.embed(self.catalogue.features(positions))
        log_q = uncorrected_log_q(len(self.catalogue))
        positives = batch.positives
        return Pool(
            positives._replace(log_q=self._density(positives.ids)),
            Candidates(embeddings, self.catalogue.ids, log_q).like(positives),
            density=self._density,
        )

    def _density(self, ids: tf.Tensor) -> tf.Tensor:
        return tf.fill(tf.shape(ids), -math.log(len(self.catalogue)))
