"""What sources that hold one other source share."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.in_batch import InBatch
from tfrs_ext.negatives.source import Source


class Composite(Source):
    """A source that changes the pool of another, and leaves its distribution as it is."""

    def __init__(self, source: Source | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.source = InBatch() if source is None else source

    @property
    def has_density(self) -> bool:
        """Whether the source within has one."""
        return self.source.has_density

    def log_q(self, candidates: Candidates) -> tf.Tensor:
        """Returns what the source within says, `[B]`."""
        return self.source.log_q(candidates)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        source = keras.saving.serialize_keras_object(self.source)
        return {**super().get_config(), "source": source}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Composite":
        """Builds the source that `get_config` described."""
        source = keras.saving.deserialize_keras_object(config["source"])
        return cls(**{**config, "source": source})
