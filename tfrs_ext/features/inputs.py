"""Batches of columns, whoever made them."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tfrs_ext.features.feature import Feature
from tfrs_ext.typing import Columns


def example_inputs(features: Iterable[Feature]) -> dict[str, tf.Tensor]:
    """Returns a batch of one row with every column, of the right dtypes and shapes.

    Args:
        features: The columns.
    """
    return {feature.name: feature.example() for feature in features}


def read_columns(inputs: Columns, features: Iterable[Feature]) -> dict[str, tf.Tensor]:
    """Returns the features' columns of a batch as tensors of the shapes that encoders want.

    Keras makes `[B, 1]` of a column that came as a pandas Series; here it is `[B]` again.

    Args:
        inputs: Mapping of column name to what `tf.convert_to_tensor` takes, or a pandas frame.
            Columns that no feature names are ignored.
        features: The columns to read.

    Returns:
        `{column: tensor}`, `[B]` or `[B, ...]` with the shape of the feature's `missing`.

    Raises:
        ValueError: A column is missing or has another shape.
    """
    features = tuple(features)
    missing = [feature.name for feature in features if feature.name not in inputs]
    if missing:
        raise ValueError(
            f"`inputs` must hold the columns {missing}, received columns {sorted(inputs)}."
        )
    return {feature.name: _reshape(inputs[feature.name], feature) for feature in features}


def _reshape(values: object, feature: Feature) -> tf.Tensor:
    column = tf.convert_to_tensor(values)
    inner = np.shape(feature.missing)
    wanted = tf.TensorShape([None, *inner])
    if column.shape.rank == len(inner) + 2 and column.shape[-1] == 1:
        column = tf.squeeze(column, -1)
    if not column.shape.is_compatible_with(wanted):
        raise ValueError(
            f"`inputs[{feature.name!r}]` must have shape {wanted}, received {column.shape}."
        )
    return column
