"""Several sources as one, with the Q of their mixture."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.negatives.batch import Batch
from tfrs_ext.negatives.pool import Density, Pool
from tfrs_ext.negatives.source import Source


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Mixed(Source):
    """Stacks the pools of several sources: `q(j) = sum_s n_s · q_s(j) / sum_s n_s`.

    `n_s` is the number of rows that source s answered with, so a pool of B rows of the batch and
    B' uniform ones has MNS's Q, `(B · q_j + B' / M) / (B + B')`. Each row has the density of the
    whole mixture, whichever source it came from.

    Args:
        sources: The sources, at least one. All must know the density of ids that the others draw
            (`InBatch` does where it has a `frequency`), or none may: then each row keeps the log_q
            that it came with, and positives keep that of the first source.

    Raises:
        ValueError: Where there is no source, or only some know a density.

    Relations:
        A mixture of mixtures is the mixture of all their sources.

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

    PARTS = ("sources",)

    def __init__(self, sources: Sequence[Source], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sources = list(sources)
        if not self.sources:
            raise ValueError("`sources` must hold at least one source, received none.")

    def draw(self, batch: Batch) -> Pool:
        """Returns the rows of all sources, in their order."""
        pools = [source.draw_shared(batch) for source in self.sources]
        first, *others = (pool.negatives for pool in pools)
        asking = next((pool for pool in pools if pool.queries is not None), pools[0])
        pool = pools[0]._replace(
            negatives=first.concat(others),
            own=_concat_own(pools),
            queries=asking.queries,
            own_queries=asking.own_queries,
        )
        density = self._mix_densities(pools)
        if density is None:
            return pool
        return pool._replace(
            positives=pool.positives._replace(log_q=density(pool.positives.ids)),
            negatives=pool.negatives._replace(log_q=density(pool.negatives.ids)),
            density=density,
        )

    def _mix_densities(self, pools: list[Pool]) -> Density | None:
        densities = [pool.density for pool in pools if pool.density is not None]
        if not densities:
            return None
        for number, pool in enumerate(pools):
            if pool.density is None:
                raise ValueError(
                    "`sources` must all know the probability of ids that the others draw, received "
                    f"{type(self.sources[number]).__name__} at {number} without it: give it a "
                    "`frequency`."
                )
        sizes = tf.stack([tf.cast(tf.size(pool.negatives.ids), tf.float32) for pool in pools])
        log_shares = tf.math.log(sizes / tf.reduce_sum(sizes))

        def density(ids: tf.Tensor) -> tf.Tensor:
            log_qs = tf.stack([log_q(ids) for log_q in densities], axis=1)
            return tf.reduce_logsumexp(log_shares + log_qs, axis=1)

        return density


def _concat_own(pools: list[Pool]) -> tf.Tensor | None:
    if all(pool.own is None for pool in pools):
        return None
    return tf.concat(
        [tf.fill(tf.shape(p.negatives.ids), -1) if p.own is None else p.own for p in pools], axis=0
    )
