"""The items' distribution as estimated from the stream of training batches."""

from typing import Any

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.ops.hashing import fingerprint, hash_buckets
from tfrs_ext.ops.replicas import gather_rows
from tfrs_ext.typing import Config


@keras.saving.register_keras_serializable(package="tfrs_ext")
class StreamingFrequency(keras.layers.Layer):
    """Log-probability of items, from the gaps between their occurrences in the stream.

    For each of several hashes, and each bucket that a batch hits (once per bucket and batch):
    `gap += alpha · (t - last - gap)`, `occurrences += alpha · (hits - occurrences)`, `last = t`,
    with `hits` the most rows of one id; the estimate is `min over hashes of occurrences / gap`, at
    most 1. A bucket's first hit only starts its clock: how long the item was away is unknown.

    Time `t` counts draws (rows), not batches: the estimate is the probability of **one draw**, and
    stays right where batches differ in size. For a batch of n rows without repeats it is the
    paper's `1 / max B` divided by n. `occurrences`, which the paper hasn't, is the mean number of
    rows of a batch with the item, in batches that have it: without it the estimate of an item in
    every batch would stop at 1 / n.

    Under a `tf.distribute` strategy every replica sees the ids of all replicas. The state is saved
    with the model.

    Args:
        num_buckets: Buckets of each hash; at least the number of items, several times it if
            `num_hashes` is 1.
        num_hashes: Independent hashes; collisions make an item look more frequent, so the least
            estimate is taken. State is `num_hashes · num_buckets` rows of 16 bytes; several hashes
            use it better from about two rows an item on, with fewer one is best.
        alpha: Rate of forgetting in (0, 1]: small is precise and slow. An estimate has left its
            start after some `1 / alpha` batches with the item, so data that are small need a
            larger one.
        initial_probability: Where estimates start, and what an id that was never seen gets. Where
            it is an item's true probability, its estimate is unbiased at every step; the number
            of items, inverted, is a good guess. Default `1 / num_buckets`.

    Call arguments:
        ids: `[B]` int32, int64 or string: a training batch's items, repeats included.
        training: Whether the batch is counted before it is looked up.

    Returns:
        `[B]` float32, the natural logarithm of the probability that one row of the training data
        is this item.

    Raises:
        ValueError: Where `num_buckets` or `num_hashes` is < 1, or `alpha` or
            `initial_probability` isn't in (0, 1].

    Relations:
        Call it with `training=True` once per batch, as `negatives.InBatch` does. `CountedFrequency`
        is for training data that are at hand as a whole and don't shift.

    Example:
        >>> frequency = tfrs_ext.frequencies.StreamingFrequency(num_buckets=1000)
        >>> log_q = frequency(tf.constant([7, 7, 8, 9]), training=True)

    References:
        Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
        Recommendations", RecSys 2019, algorithms 2 and 3.
    """

    def __init__(
        self,
        num_buckets: int,
        num_hashes: int = 1,
        alpha: float = 0.01,
        initial_probability: float | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        for name, value in (("num_buckets", num_buckets), ("num_hashes", num_hashes)):
            if value < 1:
                raise ValueError(f"`{name}` must be ≥ 1, received {name}={value}.")
        if initial_probability is None:
            initial_probability = 1.0 / num_buckets
        for name, rate in (("alpha", alpha), ("initial_probability", initial_probability)):
            if not 0 < rate <= 1:
                raise ValueError(f"`{name}` must be in (0, 1], received {name}={rate}.")
        self.num_buckets = num_buckets
        self.num_hashes = num_hashes
        self.alpha = alpha
        self.initial_probability = initial_probability
        self.draws = self._state("draws", (), 0, tf.int64)
        shape = (num_hashes * num_buckets,)
        self.last = self._state("last", shape, 0, tf.int64)
        self.occurrences = self._state("occurrences", shape, 1.0)
        self.gap = self._state("gap", shape, 1.0 / initial_probability)

    def _state(
        self, name: str, shape: tuple[int, ...], value: float, dtype: tf.DType = tf.float32
    ) -> tf.Variable:
        return self.add_weight(
            name=name,
            shape=shape,
            dtype=dtype,
            initializer=keras.initializers.Constant(value),
            trainable=False,
            experimental_autocast=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def call(self, ids: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Returns the log-probabilities of `ids`, counting them first where `training`."""
        if training:
            self.update(ids)
        return tf.math.log(self._probability(self._slots(ids)))

    def update(self, ids: tf.Tensor) -> None:
        """Counts one batch `[B]` of ids."""
        ids = gather_rows(fingerprint(ids))
        now = self.draws.assign_add(tf.size(ids, tf.int64))
        ids, _, rows = tf.unique_with_counts(ids)
        slots, bucket = tf.unique(tf.reshape(self._slots(ids), [-1]))
        # The most of one id: ids that collide must not add up, or both would look frequent.
        hits = tf.math.unsorted_segment_max(
            tf.repeat(rows, self.num_hashes), bucket, tf.size(slots)
        )
        last = tf.gather(self.last, slots)
        self._move(self.gap, slots, tf.cast(now - last, tf.float32), where=last > 0)
        self._move(self.occurrences, slots, tf.cast(hits, tf.float32))
        self.last.scatter_update(tf.IndexedSlices(tf.fill(tf.shape(slots), now), slots))

    def _slots(self, ids: tf.Tensor) -> tf.Tensor:
        buckets = hash_buckets(ids, self.num_buckets, self.num_hashes)
        return buckets + tf.range(self.num_hashes, dtype=tf.int64) * self.num_buckets

    def _move(
        self, state: tf.Variable, slots: tf.Tensor, value: tf.Tensor, where: bool | tf.Tensor = True
    ) -> None:
        old = tf.gather(state, slots)
        moved = tf.where(where, old + self.alpha * (value - old), old)
        state.scatter_update(tf.IndexedSlices(moved, slots))

    def _probability(self, slots: tf.Tensor) -> tf.Tensor:
        rates = tf.gather(self.occurrences, slots) / tf.gather(self.gap, slots)
        return tf.minimum(tf.reduce_min(rates, axis=1), 1.0)

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_buckets": self.num_buckets,
            "num_hashes": self.num_hashes,
            "alpha": self.alpha,
            "initial_probability": self.initial_probability,
        }
