"""Several sources as one, with the Q of their mixture."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.checks import concat
from tfrs_ext.negatives.source import Source


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Mixed(Source):
    """Stacks the pools of several sources: `q(j) = sum_s n_s · q_s(j) / sum_s n_s`.

    `n_s` is the number of rows that source s answered with, so a pool of B rows of the batch and
    B' uniform ones has MNS's Q, `(B · q_j + B' / M) / (B + B')`. Each row has the density of the
    whole mixture, whichever source it came from.

    Args:
        sources: The sources, at least one. All must have a density (`InBatch` has one where it
            has a `frequency`), or none may: then each row keeps the log_q that it came with.

    Call arguments:
        See `Source`.

    Returns:
        `Candidates` with the rows of all sources, in their order.

    Raises:
        ValueError: Where there is no source, or only some have a density.

    `log_q` weighs the sources as the latest pool did.

    Example:
        >>> frequency = tfrs_ext.frequencies.CountedFrequency([1, 2, 3], [8, 1, 1])
        >>> mixed = tfrs_ext.negatives.Mixed(
        ...     [
        ...         tfrs_ext.negatives.InBatch(frequency),
        ...         tfrs_ext.negatives.Uniform([1, 2, 3], num_negatives=2),
        ...     ]
        ... )

    References:
        Yang et al., "Mixed Negative Sampling for Learning Two-tower Neural Networks in
        Recommendations", WWW 2020 companion.
    """

    def __init__(self, sources: Sequence[Source], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sources = list(sources)
        if not self.sources:
            raise ValueError("`sources` must hold at least one source, received none.")
        densities = [source.has_density for source in self.sources]
        if len(set(densities)) > 1:
            source = self.sources[densities.index(False)]
            raise ValueError(
                "`sources` must all know the probability of ids that the others draw, received "
                f"{type(source).__name__} at {densities.index(False)} without it: give it a "
                "`frequency`."
            )
        self.sizes = self.add_weight(
            name="sizes",
            shape=(len(self.sources),),
            initializer="ones",
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.MEAN,
            experimental_autocast=False,
        )

    @property
    def has_density(self) -> bool:
        """Whether the sources have one."""
        return self.sources[0].has_density

    def pool(self, positives: Candidates, **context: Any) -> Candidates:
        """Returns the rows of all sources."""
        pools = [source(positives, **context) for source in self.sources]
        sizes = tf.stack([tf.cast(tf.shape(pool.ids)[0], tf.float32) for pool in pools])
        self.sizes.assign(sizes)
        pool = concat(pools)
        return pool._replace(log_q=self._mixture(pool, sizes))

    def log_q(self, candidates: Candidates) -> tf.Tensor:
        """Returns the log-probability of each id in the mixture, `[B]`."""
        return self._mixture(candidates, tf.convert_to_tensor(self.sizes))

    def _mixture(self, candidates: Candidates, sizes: tf.Tensor) -> tf.Tensor:
        log_weights = tf.math.log(sizes / tf.reduce_sum(sizes))
        log_qs = tf.stack([source.log_q(candidates) for source in self.sources], axis=1)
        return tf.reduce_logsumexp(log_weights + log_qs, axis=1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        sources = [keras.saving.serialize_keras_object(source) for source in self.sources]
        return {**super().get_config(), "sources": sources}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Mixed":
        """Builds the source that `get_config` described."""
        sources = [keras.saving.deserialize_keras_object(item) for item in config["sources"]]
        return cls(**{**config, "sources": sources})
