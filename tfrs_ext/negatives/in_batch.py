"""The other rows of the batch as negatives."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.checks import checked_log_q
from tfrs_ext.negatives.shared import deserialized, serialized
from tfrs_ext.negatives.source import Source


@keras.saving.register_keras_serializable(package="tfrs_ext")
class InBatch(Source):
    """Takes the batch's own positives as the pool: each is a negative of all other queries.

    They cost nothing, and come as often as they are popular; hence logQ.

    Args:
        frequency: A layer from ids `[B]` to their log-probability (`CountedFrequency`,
            `StreamingFrequency`), or None where the caller gives `log_q` with the positives. A
            streaming one counts each training batch here: don't also give it to the model.

    Call arguments:
        See `Source`.

    Returns:
        `positives`, with the frequency's log_q where there is one.

    Raises:
        InvalidArgumentError: Where the caller's `log_q` isn't finite or is positive.

    Compose with `Mixed` for items that rarely are positives, `MemoryQueue` for earlier batches,
    `CrossReplica` for other devices.

    Example:
        >>> positives = Candidates(tf.eye(2), tf.constant([7, 8]), tf.math.log([0.5, 0.1]))
        >>> pool = tfrs_ext.negatives.InBatch()(positives)

    References:
        Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
        Recommendations", RecSys 2019.
    """

    def __init__(self, frequency: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.frequency = frequency

    @property
    def has_density(self) -> bool:
        """Whether there is a frequency."""
        return self.frequency is not None

    def pool(self, positives: Candidates, **context: Any) -> Candidates:
        """Returns the positives."""
        if self.frequency is None:
            log_q = checked_log_q(positives.log_q, "positives.log_q")
        else:
            log_q = self.frequency(positives.ids, training=context["training"])
        return positives._replace(log_q=log_q)

    def log_q(self, candidates: Candidates) -> tf.Tensor:
        """Returns the frequency's log-probability, or the caller's where there is none."""
        if self.frequency is None:
            return candidates.log_q
        return self.frequency(candidates.ids, training=False)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "frequency": serialized(self.frequency)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InBatch":
        """Builds the source that `get_config` described."""
        return cls(**{**config, "frequency": deserialized(config["frequency"])})
