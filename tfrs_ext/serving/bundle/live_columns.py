"""What requests bring along of a user: the context, and columns newer than the table's."""

from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.serving.bundle.columns import as_columns, check_finite, signature_names
from tfrs_ext.serving.bundle.signatures import EXAMPLES, Input
from tfrs_ext.typing import Columns, TensorLike

_ARGUMENT = "users.context"


class LiveColumns:
    """Columns of requests, some of which the table of users has, too.

    Args:
        context: `{column: [R, ...]}`, example rows.
        table: The table's columns.
        read: The names of the columns that the model reads.
        model: The model, whose features say what is an empty cell.

    Raises:
        ValueError: A column isn't read, holds NaN, or has another form than the table's.
    """

    def __init__(
        self,
        context: Columns,
        table: Mapping[str, tf.Tensor],
        read: Iterable[str],
        model: keras.Model,
    ) -> None:
        columns = as_columns(context, _ARGUMENT) if context else {}
        unread = sorted(set(columns) - set(read))
        if unread:
            raise ValueError(
                f"`{_ARGUMENT}` must hold columns that the model reads, received {unread}."
            )
        check_finite(columns, _ARGUMENT)
        for name in columns.keys() & table.keys():
            _check_like(name, columns[name], table[name])
        self._names = signature_names(columns, _ARGUMENT) if columns else {}
        features = {feature.name: feature for feature in getattr(model, "features", ())}
        self._empty = {
            name: features[name].missing if name in features else _default(values)
            for name, values in columns.items()
        }
        self.inputs = [_input(self._names[name], values) for name, values in columns.items()]

    def read(
        self, request: Mapping[str, tf.Tensor], table: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns the request's columns `{column: [B, ...]}`, the table's where they are empty."""
        found = {}
        for column, name in self._names.items():
            values = request[name]
            if column in table:
                values = tf.where(self._is_empty(column, values), table[column], values)
            found[column] = values
        return found

    def _is_empty(self, column: str, values: tf.Tensor) -> tf.Tensor:
        if values.dtype.is_floating:
            empty = tf.math.is_nan(values)
        else:
            empty = values == tf.constant(self._empty[column], values.dtype)
        axes = list(range(1, values.shape.rank))
        return tf.reduce_all(empty, axis=axes, keepdims=True) if axes else empty


def _check_like(name: str, live: tf.Tensor, kept: tf.Tensor) -> None:
    if live.dtype != kept.dtype or live.shape[1:] != kept.shape[1:]:
        raise ValueError(
            f"`{_ARGUMENT}` must hold {name!r} as `users.columns` do, {kept.dtype.name} of shape "
            f"{tuple(kept.shape[1:])}, received {live.dtype.name} of {tuple(live.shape[1:])}."
        )


def _input(name: str, values: tf.Tensor) -> Input:
    spec = tf.TensorSpec([None, *values.shape[1:]], values.dtype, name=name)
    return Input(spec, np.asarray(values[:EXAMPLES].numpy()))


def _default(values: tf.Tensor) -> TensorLike:
    if values.dtype == tf.string:
        return ""
    return False if values.dtype == tf.bool else -1
