"""Batches of interactions that are larger than memory."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.data.feature_set import FeatureSet
from tfrs_ext.data.parquet.columns import Arrays
from tfrs_ext.data.parquet.entity_table import EntityTable
from tfrs_ext.data.parquet.interactions import ParquetInteractions
from tfrs_ext.data.parquet.order import shard_size
from tfrs_ext.data.parquet.reader import Reader
from tfrs_ext.ops.datasets import without_tuning


def parquet_dataset(
    interactions: ParquetInteractions,
    features: FeatureSet,
    batch_size: int,
    *,
    shuffle: bool = True,
    window_rows: int = 1_000_000,
    seed: int | None = None,
    drop_remainder: bool = False,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches of interactions that stay in their files, in the form of `training_dataset`.

    Each epoch reads the row groups in a fresh random order, puts as many together as hold
    `window_rows` rows, and shuffles the rows of such a window. Memory is that of two windows,
    however many rows there are. All shards of an epoch together hold every row once.

    Args:
        interactions: What `open_parquet` has opened.
        features: The columns with their facts, which `scan_parquet` found.
        batch_size: `B`.
        shuffle: Whether each epoch has a fresh random order; else the order of the files.
        window_rows: How many rows are shuffled together, at least.
        seed: Equal seeds give equal epochs. All workers need the same one.
        drop_remainder: Whether a last batch that isn't full is left out; all shards have the same
            number of batches then.
        shard: The number of this worker, from 0, and how many workers there are.

    Returns:
        Batches `{column: tensor}`: every feature of `features` `[B]`, `"history"` `[B, L]` where
        the interactions are grouped by user, `"sample_weight"` `[B]` float32 where the schema has a
        weight, and the label `[B]` float32 under its own name where it has one.

    Raises:
        ValueError: If `batch_size`, `window_rows` or `shard` is out of range, or the features need
            histories and the interactions aren't grouped by user. While reading, an
            `InvalidArgumentError` whose text names the file and the row group.

    Relations:
        `training_dataset` does this for frames in memory, shuffled as a whole.

    Example:
        >>> import tempfile
        >>> import pandas as pd
        >>> from tfrs_ext.data import open_parquet, scan_parquet
        >>> path = f"{tempfile.mkdtemp()}/log.parquet"
        >>> log = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [5, 7, 7], "timestamp": [1, 2, 3]})
        >>> log.to_parquet(path)
        >>> interactions = open_parquet(path)
        >>> batches = parquet_dataset(interactions, scan_parquet(interactions).features, 2, seed=1)
        >>> [len(batch["item_id"]) for batch in batches]
        [2, 1]
    """
    _check(batch_size, window_rows, shard)
    reader = Reader(interactions, features, shard)
    num_batches = -(-shard_size(interactions.num_rows, shard) // batch_size)
    if drop_remainder:
        num_batches = interactions.num_rows // shard[1] // batch_size

    def generate(epoch_seed: npt.NDArray[np.int64]) -> Iterator[Arrays]:
        rng = np.random.default_rng(abs(int(epoch_seed))) if shuffle else None
        batches = reader.batches(batch_size, window_rows, rng)
        return itertools.islice(batches, num_batches)

    signature = reader.signature(batch_size if drop_remainder else None)
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    dataset = seeds.flat_map(
        lambda epoch_seed: tf.data.Dataset.from_generator(
            generate, output_signature=signature, args=(epoch_seed,)
        )
    )
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(num_batches))
    return without_tuning(_read_as_it_is(_join_tables(dataset, reader.tables))).prefetch(2)


def _check(batch_size: int, window_rows: int, shard: tuple[int, int]) -> None:
    for name, value in (("batch_size", batch_size), ("window_rows", window_rows)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1, received {name}={value}.")
    index, count = shard
    if not 0 <= index < count:
        raise ValueError(
            "`shard` must be the worker's number from 0, and the number of workers above it, "
            f"received {shard}."
        )


def _read_as_it_is(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns the data set for strategies to take as it is: `shard` says what a worker reads."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options)


def _join_tables(dataset: tf.data.Dataset, tables: Sequence[EntityTable]) -> tf.data.Dataset:
    """Returns batches with the columns of users and items in place of positions in the tables."""
    columns = [(table.key, table.columns()) for table in tables]

    @tf.autograph.experimental.do_not_convert
    def join(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        found = dict(batch)
        for key, table in columns:
            positions = found.pop(key)
            found |= {name: tf.gather(values, positions) for name, values in table.items()}
        return found

    return dataset.map(join, num_parallel_calls=tf.data.AUTOTUNE)
