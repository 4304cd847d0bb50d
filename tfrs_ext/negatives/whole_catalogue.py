"""All items as negatives."""

import math
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.catalogue import Catalogue
from tfrs_ext.negatives.shared import embed, uncorrected
from tfrs_ext.negatives.source import Source


@keras.saving.register_keras_serializable(package="tfrs_ext")
class WholeCatalogue(Source):
    """Answers with every item of the catalogue, each once: `log_q = -log(M)` for M items.

    Nothing is sampled, and nothing needs correcting. Every step embeds the whole catalogue, in
    training with its gradient, so it suits catalogues of some 10,000 items.

    Args:
        catalogue: `Catalogue`, or `[M]` ids.

    Call arguments:
        See `Source`; `candidate_model` must be given.

    Returns:
        `Candidates` with M rows, in the order of the catalogue.

    Raises:
        ValueError: Where the catalogue is empty or repeats ids, or `candidate_model` isn't given.

    Relations: `losses.FullSoftmax` over it is exact. `Uniform` draws from it.

    Example:
        >>> whole = tfrs_ext.negatives.WholeCatalogue([3, 5])
        >>> positives = Candidates(tf.eye(2), tf.constant([5, 3]), tf.zeros(2))
        >>> whole(positives, candidate_model=lambda ids: tf.one_hot(ids, 2)).ids.numpy()
        array([3, 5], dtype=int32)
    """

    def __init__(self, catalogue: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.catalogue = catalogue if isinstance(catalogue, Catalogue) else Catalogue(catalogue)

    def pool(self, positives: Candidates, **context: Any) -> Candidates:
        """Returns all items, embedded."""
        rows = tf.range(len(self.catalogue), dtype=tf.int64)
        embeddings = embed(self.catalogue.features(rows), context["candidate_model"])
        return Candidates(embeddings, self.catalogue.ids, uncorrected(rows.shape[0]))

    def log_q(self, candidates: Candidates) -> tf.Tensor:
        """Returns `-log(M)`, `[B]`."""
        return tf.fill(tf.shape(candidates.ids), -math.log(len(self.catalogue)))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        catalogue = keras.saving.serialize_keras_object(self.catalogue)
        return {**super().get_config(), "catalogue": catalogue}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WholeCatalogue":
        """Builds the source that `get_config` described."""
        catalogue = keras.saving.deserialize_keras_object(config["catalogue"])
        return cls(**{**config, "catalogue": catalogue})
