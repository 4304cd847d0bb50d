"""The candidates of all devices as negatives."""

from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.candidates import Candidates
from tfrs_ext.negatives.composite import Composite
from tfrs_ext.ops.replicas import gather_rows


@keras.saving.register_keras_serializable(package="tfrs_ext")
class CrossReplica(Composite):
    """Gathers what a source answers with on every replica of a `tf.distribute` strategy.

    The gather is differentiable: each device's candidates get the gradients of all devices'
    queries, as in one large batch. Rows come in the order of the replicas, the same on each; the
    row of a query's positive is known by its id. Without a strategy it is the source itself.

    Args:
        source: What each replica asks; None is `InBatch()`.

    Call arguments:
        See `Source`. Every replica must call it.

    Returns:
        `Candidates` with the rows of all replicas.

    Example:
        >>> pool = tfrs_ext.negatives.CrossReplica()(
        ...     Candidates(tf.eye(2), tf.constant([7, 8]), tf.math.log([0.5, 0.1]))
        ... )

    References:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision",
        ICML 2021 (the gather, in its implementations).
    """

    def pool(self, positives: Candidates, **context: Any) -> Candidates:
        """Returns the rows of all replicas."""
        pool = self.source(positives, **context)
        return Candidates(*(gather_rows(part) for part in pool))
