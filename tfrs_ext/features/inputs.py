"""Batches of columns, whoever brought them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Union

import numpy as np
import pandas as pd
import tensorflow as tf

from tfrs_ext.features.feature import Feature
from tfrs_ext.typing import Columns, TensorLike

BatchLike = Union[Columns, pd.DataFrame, Sequence[Union[Columns, pd.DataFrame, TensorLike, None]]]
"""What Keras passes to a step of training: columns, alone or with labels and weights."""
SAMPLE_WEIGHT = "sample_weight"


def example_inputs(features: Iterable[Feature]) -> dict[str, tf.Tensor]:
    """Returns a batch of one row with every column, of the right dtypes and shapes.

    Args:
        features: The columns.
    """
    return {feature.name: feature.example() for feature in features}


def as_columns(batch: BatchLike) -> dict[str, tf.Tensor]:
    """Returns a batch in whatever form Keras hands it over as `{column: tensor}`.

    Keras makes `[B, 1]` of a column that came as a pandas Series, and wraps a mapping alone in a
    tuple; here a column is `[B]` again. Weights of `(columns, label, weights)` become the column
    "sample_weight", and labels are left out.

    Args:
        batch: A mapping of column name to what `tf.convert_to_tensor` takes, a pandas frame, or a
            tuple of one with labels and weights.

    Raises:
        ValueError: The batch holds no mapping.
    """
    weights = None
    if isinstance(batch, (tuple, list)) and 1 <= len(batch) <= 3:
        batch, _, weights = (*batch, None, None)[:3]
    if not isinstance(batch, (Mapping, pd.DataFrame)):
        name = "a tensor" if tf.is_tensor(batch) else f"a {type(batch).__name__}"
        raise ValueError(
            f"`inputs` must be a mapping of column name to values, received {name}. Pass "
            "`dict(frame)` where the columns stand in a pandas frame."
        )
    columns = {str(name): _squeeze(_as_tensor(values)) for name, values in batch.items()}
    if weights is not None:
        columns[SAMPLE_WEIGHT] = _squeeze(_as_tensor(weights))
    return columns


def read_columns(inputs: Columns, features: Iterable[Feature]) -> dict[str, tf.Tensor]:
    """Returns the features' columns of a batch, in the shapes and dtypes that encoders want.

    Args:
        inputs: A batch in a form that `as_columns` takes. Columns that no feature names are
            ignored.
        features: The columns to read.

    Returns:
        `{column: tensor}`, `[B]` or `[B, ...]` with the shape of the feature's `missing`.

    Raises:
        ValueError: A column is missing, has another shape, or holds strings for numbers.
    """
    features = tuple(features)
    columns = as_columns(inputs)
    missing = [feature.name for feature in features if feature.name not in columns]
    if missing:
        raise ValueError(
            f"`inputs` must hold the columns {missing}, received columns {sorted(columns)}."
        )
    return {feature.name: _fit(columns[feature.name], feature) for feature in features}


def _as_tensor(values: TensorLike) -> tf.Tensor:
    if isinstance(values, pd.Series):
        text = not pd.api.types.is_numeric_dtype(values)
        values = values.to_numpy(object) if text else values.to_numpy()
    return values if tf.is_tensor(values) else tf.convert_to_tensor(values)


def _squeeze(column: tf.Tensor) -> tf.Tensor:
    is_wide = isinstance(column, tf.Tensor) and column.shape.rank == 2 and column.shape[1] == 1
    return tf.squeeze(column, 1) if is_wide else column


def _fit(column: tf.Tensor, feature: Feature) -> tf.Tensor:
    if not isinstance(column, tf.Tensor):
        column = feature.to_dense(column)
    return _cast(_reshape(column, feature), feature)


def _reshape(column: tf.Tensor, feature: Feature) -> tf.Tensor:
    inner, name = feature.shape, feature.name
    rank = column.shape.rank
    if rank is None:
        return tf.reshape(column, [tf.shape(column)[0], *np.shape(feature.missing)])
    if rank == 1 and inner in ((1,), (None,)):
        column = column[:, tf.newaxis]  # What came as [B, 1] was taken for [B].
    elif rank == len(inner) + 2 and column.shape[-1] == 1:
        column = tf.squeeze(column, -1)
    if not column.shape.is_compatible_with([None, *inner]):
        wanted = ", ".join(["B", *(str(size or "L") for size in inner)])
        mend = " A dataset needs `.batch(…)`." if rank == len(inner) else ""
        raise ValueError(
            f"`inputs[{name!r}]` must have shape [{wanted}], received {column.shape}.{mend}"
        )
    return column


def _cast(column: tf.Tensor, feature: Feature) -> tf.Tensor:
    empty, name = np.asarray(feature.missing), feature.name
    is_text = empty.dtype.kind in "OSU"
    if is_text != (column.dtype == tf.string):
        wanted = "strings" if is_text else "numbers"
        raise ValueError(f"`inputs[{name!r}]` must hold {wanted}, received {column.dtype.name}.")
    if column.dtype.is_floating:
        # An empty cell is NaN in pandas, in a column of whole numbers, too.
        column = feature.fill(column)
    return tf.cast(column, tf.int64) if empty.dtype.kind == "i" else column
