"""tf.data pipelines of whole histories, for towers that are trained on every position."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfrs_ext.data.columns import ids_array, on_host
from tfrs_ext.data.feature_set import FeatureSet, arrays_of
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.schema import SAMPLE_WEIGHT
from tfrs_ext.data.sequence_parts import Events, Parts
from tfrs_ext.ops.datasets import without_tuning

PARTS = ("all", "latest")


def sequence_dataset(
    frames: Frames,
    features: FeatureSet,
    batch_size: int,
    *,
    max_length: int | None = None,
    parts: str = "all",
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of users' histories, in which every event is asked for once.

    A user's events are sorted by time (of equal times, the earlier row comes first). At each of
    them but the first, a sequence asks for the event's item with the events before it. Give the
    training part of a split alone: `leave_one_out` and `global_time_split` leave no later event in
    it that a held-out one would be asked with.

    Args:
        frames: The interactions. Users with one event alone have nothing to be asked.
        features: The columns with their facts, which `fit_features` made.
        batch_size: S, the number of sequences in a batch.
        max_length: The most events in a sequence; None takes the length of `features.history`.
        parts: What is done with longer histories: "all" cuts them into several sequences, at
            other places in each epoch if the order is shuffled; "latest" keeps the end alone.
        shuffle: Whether each epoch has a fresh random order; else the order of the users.
        seed: Equal seeds give equal epochs.

    Returns:
        Batches `{column: tensor}`: the user's features `[S]`; `"history"`, ragged `[S, (L)]`, the
        item ids, and `"history_time"` likewise where the features have it; every feature of the
        candidate, ragged `[S, (L)]`: the item at place l is the one that came after
        `history[:, l]`; and `"sample_weight"`, ragged `[S, (L)]` float32, where the schema has a
        weight. The longest sequences come first in each batch.

    Raises:
        ValueError: If a number is below 1, `parts` isn't one of the two, or nobody has two events.

    Relations:
        `training_dataset` gives single events with the histories before them. A
        `models.SequenceTower` takes both.

    Example:
        >>> from tfrs_ext.data import fit_features, synthetic
        >>> frames, _ = synthetic(50, 60, 6)
        >>> dataset = sequence_dataset(frames, fit_features(frames), batch_size=10, seed=1)
        >>> batch = next(iter(dataset))
        >>> batch["history"].shape
        TensorShape([10, None])
        >>> bool(tf.reduce_all(batch["history"][0, 1:] == batch["item_id"][0, :-1]))
        True
    """
    length = features.history.length if max_length is None else max_length
    if min(batch_size, length) < 1:
        raise ValueError(
            "`batch_size` and `max_length` must be at least 1, received "
            f"batch_size={batch_size}, max_length={length}."
        )
    if parts not in PARTS:
        raise ValueError(f"`parts` must be one of {', '.join(PARTS)}, received {parts!r}.")
    events = Events.of(frames)
    gather = _gatherer(frames, features, events)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)

    @tf.autograph.experimental.do_not_convert
    def epoch(seed: tf.Tensor) -> tf.data.Dataset:
        drawn = tf.stack([seed, seed + 1])
        if parts == "latest":
            found = events.latest(length)
        else:
            found = events.all(length, drawn if shuffle else None)
        if shuffle:
            order = tf.range(tf.size(found.users))
            order = tf.random.experimental.stateless_shuffle(order, tf.stack([seed, seed]))
            found = Parts(*(tf.gather(column, order) for column in found))
        return tf.data.Dataset.from_tensor_slices(found).batch(batch_size)

    found = len(events.users) if parts == "latest" else events.count(length)
    # The order within a batch is free: sorted, sequences of like lengths are padded together.
    batches = seeds.flat_map(epoch).map(_longest_first)
    batches = batches.map(gather, num_parallel_calls=tf.data.AUTOTUNE)
    # Keras stops where an epoch has fewer batches than the one before: each has as many.
    count = tf.data.experimental.assert_cardinality(-(-found // batch_size))
    return without_tuning(batches.apply(count)).prefetch(2)


@tf.autograph.experimental.do_not_convert
def _longest_first(part: Parts) -> Parts:
    order = tf.argsort(part.lengths, direction="DESCENDING", stable=True)
    return Parts(*(tf.gather(column, order) for column in part))


def _gatherer(
    frames: Frames, features: FeatureSet, events: Events
) -> Callable[..., dict[str, tf.Tensor | tf.RaggedTensor]]:
    users, items = (
        {name: on_host(values) for name, values in arrays_of(table, kinds).items()}
        for table, kinds in ((frames.users, features.of_users), (frames.items, features.candidate))
    )
    order = events.rows.numpy()
    item_rows = on_host(frames.item_rows()[order])
    item_ids = on_host(ids_array(frames.interactions[frames.schema.item_id].iloc[order]))
    times = on_host(frames.times()[order].astype(np.int64))
    weight, weights = frames.schema.weight, None
    if weight is not None:
        weights = on_host(frames.interactions[weight].to_numpy(np.float32)[order])

    @tf.autograph.experimental.do_not_convert
    def gather(part: Parts) -> dict[str, tf.Tensor | tf.RaggedTensor]:
        places = tf.ragged.range(part.begins, part.begins + part.lengths)
        asked = places.with_values(tf.gather(item_rows, places.values + 1))
        batch = {name: tf.gather(column, part.users) for name, column in users.items()}
        batch[features.history.name] = places.with_values(tf.gather(item_ids, places.values))
        for name, column in items.items():
            batch[name] = asked.with_values(tf.gather(column, asked.values))
        if features.times is not None:
            batch[features.times.name] = places.with_values(tf.gather(times, places.values))
        if weights is not None:
            batch[SAMPLE_WEIGHT] = places.with_values(tf.gather(weights, places.values + 1))
        return batch

    return gather
