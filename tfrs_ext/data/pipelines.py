"""tf.data pipelines of whole batches: row numbers are shuffled and columns gathered."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext.data.columns import on_host
from tfrs_ext.data.feature_set import FeatureSet, arrays_of
from tfrs_ext.data.frames import Frames
from tfrs_ext.data.orders import Order, ages_of, equal_rows, shuffled_rows
from tfrs_ext.data.schema import SAMPLE_WEIGHT
from tfrs_ext.data.windows import Windows, windows_before_rows
from tfrs_ext.features import Feature
from tfrs_ext.ops.datasets import without_tuning


def training_dataset(
    frames: Frames,
    features: FeatureSet,
    batch_size: int,
    *,
    history: Frames | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    drop_remainder: bool = False,
    rows_per_user: int | None = None,
    example_age: str | None = None,
) -> tf.data.Dataset:
    """Batches of interactions with the features of both sides.

    Args:
        frames: The interactions, one row of a batch each.
        features: The columns with their facts, which `fit_features` made.
        batch_size: `B`.
        history: More interactions to look back on; give the training part where `frames` is the
            validation part.
        shuffle: Whether each epoch has a fresh random order; else the order of the rows.
        seed: Equal seeds give equal epochs.
        drop_remainder: Whether a last batch that isn't full is left out.
        rows_per_user: How many rows each epoch takes of every user that has some, so that busy
            users don't outweigh the others; drawn anew for each epoch, all rows of a user equally
            often. None takes every row once.
        example_age: The name of a column `[B]` float32 with the rows' ages: 0 for the latest row
            of `frames`, 1 for the earliest; None for no such column.

    Returns:
        Batches `{column: tensor}`: every feature of `features` `[B]`, those of the context among
        them, `"history"` `[B, L]` of what the user did strictly before the row (an earlier row for
        the same item stays in),
        `"sample_weight"` `[B]` float32 where the schema has a weight, and the label `[B]` float32
        under its own name where it has one.

    Raises:
        ValueError: If `batch_size` or `rows_per_user` is below 1, or `rows_per_user` is given
            without `shuffle`.

    Relations:
        `models.YouTubeDNN` is trained with `rows_per_user` and `example_age`.

    Example:
        >>> from tfrs_ext.data import fit_features, synthetic
        >>> frames, _ = synthetic(50, 60, 6)
        >>> dataset = training_dataset(frames, fit_features(frames), batch_size=32, seed=1)
        >>> next(iter(dataset))["history"].shape
        TensorShape([32, 50])
    """
    size, order = len(frames.interactions), None
    if rows_per_user is not None:
        order, size = _check_draws(frames, rows_per_user, shuffle)
    rows = row_numbers(size, batch_size, shuffle, seed, order)
    if drop_remainder:
        rows = rows.take(size // batch_size).map(lambda r: tf.ensure_shape(r, [batch_size]))
    columns = columns_of_rows(frames, features, windows_before_rows(frames, history))
    if example_age is None:
        return gather_batches(rows, columns)
    ages = on_host(ages_of(frames))
    return gather_batches(rows, lambda r: {**columns(r), example_age: tf.gather(ages, r)})


def ranking_dataset(
    frames: Frames,
    features: FeatureSet,
    batch_size: int,
    *,
    history: Frames | None = None,
    shuffle: bool = True,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Batches of labelled rows, as `model.fit` of a model that ranks takes them.

    Args:
        frames: The rows, with a label: `with_labels` and `with_negatives` make them.
        features: The columns with their facts, which `fit_features` made.
        batch_size: `B`.
        history: More rows to look back on; give the training part where `frames` is the
            validation part.
        shuffle: Whether each epoch has a fresh random order; else the order of the rows.
        seed: Equal seeds give equal epochs.

    Returns:
        Batches `(columns, label)`, and with the schema's weight `(columns, label, weight)`: every
        feature of both sides `[B]`, and `"history"` `[B, L]`: the items of the rows with a
        positive label before this row. Labels and weights are `[B]` float32.

    Raises:
        ValueError: If the schema has no label, or `batch_size` is below 1.

    Example:
        >>> from tfrs_ext.data import fit_features, synthetic, with_negatives
        >>> frames, _ = synthetic(50, 60, 6)
        >>> examples = with_negatives(frames, num_negatives=1)
        >>> dataset = ranking_dataset(examples, fit_features(frames), batch_size=32)
        >>> columns, label = next(iter(dataset))
        >>> columns["history"].shape, label.shape
        (TensorShape([32, 50]), TensorShape([32]))
    """
    label = frames.schema.label
    if label is None:
        raise ValueError(
            "`frames` must have a label, received a schema without one: see `with_labels` and "
            "`with_negatives`."
        )
    columns = columns_of_rows(
        frames, features, windows_before_rows(frames, history, positives_only=True)
    )

    @tf.autograph.experimental.do_not_convert
    def batch(rows: tf.Tensor) -> tuple[Any, ...]:
        row = columns(rows)
        rest = [row.pop(name) for name in (label, SAMPLE_WEIGHT) if name in row]
        return (row, *rest)

    return gather_batches(row_numbers(len(frames.interactions), batch_size, shuffle, seed), batch)


def _check_draws(frames: Frames, rows_per_user: int, shuffle: bool) -> tuple[Order, int]:
    if rows_per_user < 1 or not shuffle:
        raise ValueError(
            "`rows_per_user` must be at least 1, and goes with `shuffle=True` alone, received "
            f"{rows_per_user=} and {shuffle=}."
        )
    users = frames.user_rows()
    return equal_rows(users, rows_per_user), rows_per_user * len(np.unique(users))


def columns_of_rows(
    frames: Frames, features: FeatureSet, windows: Windows
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Returns a function from row numbers `[B]` to all columns of these rows, `{column: [B, ...]}`.

    Args:
        frames: The rows.
        features: The columns with their facts.
        windows: What each row's user did before it.
    """
    users = table_columns(frames.users, features.of_users)
    items = table_columns(frames.items, features.candidate)
    user_rows, item_rows = on_host(frames.user_rows()), on_host(frames.item_rows())
    extras = {**_row_columns(frames), **table_columns(frames.interactions, features.context)}

    @tf.autograph.experimental.do_not_convert
    def batch(rows: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            **gather_rows(users, tf.gather(user_rows, rows)),
            **windows.gather_all(rows, features, items),
            **gather_rows(items, tf.gather(item_rows, rows)),
            **gather_rows(extras, rows),
        }

    return batch


def candidates_dataset(frames: Frames, features: FeatureSet, batch_size: int) -> tf.data.Dataset:
    """Batches of the whole catalogue in the order of the item table.

    Args:
        frames: The data whose item table is read.
        features: The columns with their facts, which `fit_features` made.
        batch_size: `B`.

    Returns:
        Batches `{column: tensor}` of the candidate's features, each `[B]`.

    Raises:
        ValueError: If `batch_size` is below 1.
    """
    items = table_columns(frames.items, features.candidate)
    rows = row_numbers(len(frames.items), batch_size, shuffle=False)
    return gather_batches(rows, lambda r: gather_rows(items, r))


def gather_batches(rows: tf.data.Dataset, batch: Callable[[tf.Tensor], Any]) -> tf.data.Dataset:
    """Returns the batches that a function makes of row numbers.

    Args:
        rows: Batches of row numbers, such as `row_numbers` gives.
        batch: From row numbers `[B]` to a batch.
    """
    batches = rows.map(batch, num_parallel_calls=tf.data.AUTOTUNE)
    return without_tuning(batches).prefetch(2)


def row_numbers(
    size: int,
    batch_size: int,
    shuffle: bool,
    seed: int | None = None,
    order: Order | None = None,
) -> tf.data.Dataset:
    """Returns batches of the numbers below `size`, `[B]` each.

    Args:
        size: How many rows there are.
        batch_size: `B`.
        shuffle: Whether each epoch has a fresh random order.
        seed: Equal seeds give equal epochs.
        order: Gives each epoch's rows, or None for all of them.
    """
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1, received {batch_size}.")
    if not shuffle:
        return _in_order(size, batch_size)
    return _shuffled(size, batch_size, seed, order or shuffled_rows(size))


def _in_order(size: int, batch_size: int) -> tf.data.Dataset:
    starts = tf.data.Dataset.range(0, size, batch_size)
    return starts.map(lambda start: tf.range(start, tf.minimum(start + batch_size, size)))


def _shuffled(size: int, batch_size: int, seed: int | None, order: Order) -> tf.data.Dataset:
    # One permutation an epoch: a shuffle buffer would handle the rows one by one, 25 times slower.
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)

    @tf.autograph.experimental.do_not_convert
    def epoch(seed: tf.Tensor) -> tf.data.Dataset:
        rows = order(tf.stack([seed, seed]))
        starts = tf.data.Dataset.range(0, size, batch_size)
        return starts.map(lambda start: rows[start : start + batch_size])

    batches = -(-size // batch_size)
    return seeds.flat_map(epoch).apply(tf.data.experimental.assert_cardinality(batches))


def table_columns(table: pd.DataFrame, features: tuple[Feature, ...]) -> dict[str, tf.Tensor]:
    """Returns the columns of a table in main memory, `{column: [N, ...]}`.

    Args:
        table: The table.
        features: The columns with their facts.
    """
    return {name: on_host(values) for name, values in arrays_of(table, features).items()}


def _row_columns(frames: Frames) -> dict[str, tf.Tensor]:
    schema = frames.schema
    names = {SAMPLE_WEIGHT: schema.weight, schema.label: schema.label}
    return {
        key: on_host(frames.interactions[column].to_numpy(np.float32))
        for key, column in names.items()
        if key is not None and column is not None
    }


def gather_rows(columns: dict[str, tf.Tensor], rows: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns some rows of columns.

    Args:
        columns: `{column: [N, ...]}`.
        rows: `[B]` or `[B, n]` row numbers.
    """
    return {name: tf.gather(column, rows) for name, column in columns.items()}
