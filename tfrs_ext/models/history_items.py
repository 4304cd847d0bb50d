"""The vectors of the items in histories."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.features import Categorical, History
from tfrs_ext.models.embedding_tower import EmbeddingTower
from tfrs_ext.negatives import Catalogue
from tfrs_ext.typing import Config


class HistoryItems(keras.layers.Layer):
    """Embeds item ids by a model of items, which may be the candidate tower.

    Args:
        history: The feature whose ids are embedded.
        embedding_dim: D, the width that vectors must have.
        model: From `{column: [n]}` to `[n, D]`; None makes a table of the ids.
        catalogue: The columns of `model` by id; None where it reads ids alone.
    """

    def __init__(
        self,
        history: History,
        embedding_dim: int,
        model: keras.layers.Layer | None,
        catalogue: Catalogue | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.history, self.catalogue = history, catalogue
        if model is None:
            ids = Categorical("item_id", vocabulary=history.vocabulary)
            model = EmbeddingTower(ids, embedding_dim, name="item_model")
        self.model = model
        names = [feature.name for feature in getattr(model, "features", ())]
        if catalogue is None and len(names) != 1:
            raise ValueError(
                "`catalogue` must be given where `item_model` reads other columns than the ids, "
                f"received None and the columns {names}."
            )
        self._column = names[0] if catalogue is None else ""
        self._check_width(embedding_dim)

    def _check_width(self, embedding_dim: int) -> None:
        width = self(tf.constant([self.history.padding])).shape[-1]
        if width != embedding_dim:
            raise ValueError(
                f"`item_model` must give vectors of width embedding_dim={embedding_dim}, received "
                f"one that gives {width}."
            )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Returns the vectors `[T, D]` of ids `[T]`; each item is embedded once."""
        if self.catalogue is None:
            return self._embed({self._column: ids})
        items, places = tf.unique(ids)
        positions, known = self.catalogue.positions(items)
        vectors = self._embed(self.catalogue.features(positions))
        return tf.gather(vectors * tf.cast(known, vectors.dtype)[:, tf.newaxis], places)

    def _embed(self, columns: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.cast(self.model(columns), self.compute_dtype)

    def describe(self) -> Config:
        """Returns the arguments `item_model` and `catalogue` of towers, JSON-able."""
        serialize = keras.saving.serialize_keras_object
        model = serialize(self.model)
        model.pop("build_config", None)
        return {
            "item_model": model,
            "catalogue": None if self.catalogue is None else serialize(self.catalogue),
        }
