"""The known users inside a bundle: their query features and what they have seen."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.ops.row_lookup import RowLookup
from tfrs_ext.serving.bundle.columns import as_columns, as_tensor, signature_name
from tfrs_ext.serving.bundle.live_columns import LiveColumns
from tfrs_ext.serving.bundle.signatures import Input
from tfrs_ext.serving.users import Histories, Users
from tfrs_ext.typing import TensorLike


class KnownUsers(tf.Module):
    """A table of query features by user id, with a last row for users that it doesn't know.

    Args:
        users: The users.
        read: The names of the columns that the model reads; those that users have are kept.
        model: The model, whose features say what stands for an unknown user.
        positions: From item ids to positions, for what users have seen.
    """

    def __init__(
        self, users: Users, read: Iterable[str], model: keras.layers.Layer, positions: RowLookup
    ) -> None:
        super().__init__(name="users")
        columns = as_columns(users.columns, "users")
        columns = {name: columns[name] for name in (users.user_id, *read) if name in columns}
        self.key, self.column = signature_name(users.user_id), users.user_id
        self.ids = columns.pop(users.user_id)
        self._lookup = RowLookup(self.ids, "users", users.user_id)
        # A feature says what stands for a user of whom nothing is known.
        unknown = {feature.name: feature.unknown for feature in getattr(model, "features", ())}
        unknown.update(users.unknown or {})
        with tf.device("CPU"):
            self._columns = {
                name: tf.Variable(_append(name, values, unknown.get(name)), trainable=False)
                for name, values in columns.items()
            }
        self._live = LiveColumns(users.context or {}, columns, read, model)
        self._seen = self._splits = None
        if users.seen is not None:
            self._keep_seen(_seen_positions(users.seen, positions, self.count))

    def _keep_seen(self, seen: tf.RaggedTensor) -> None:
        splits = tf.concat([seen.row_splits, seen.row_splits[-1:]], axis=0)
        with tf.device("CPU"):
            self._seen = tf.Variable(tf.cast(seen.values, tf.int32), trainable=False)
            self._splits = tf.Variable(splits, trainable=False)

    @property
    def count(self) -> int:
        """U, without the unknown user."""
        return int(self.ids.shape[0])

    @property
    def excludes_seen(self) -> bool:
        """Whether recommendations leave out what a user has seen."""
        return self._seen is not None

    @property
    def context(self) -> list[Input]:
        """The inputs that requests bring along beside the ids."""
        return self._live.inputs

    def features(
        self, ids: tf.Tensor, request: Mapping[str, tf.Tensor] | None = None
    ) -> dict[str, tf.Tensor]:
        """Returns the query features `{column: [B, ...]}` of users.

        Args:
            ids: The users' ids, `[B]`.
            request: The context by the names of inputs; None for what the table has alone.
        """
        rows = self._rows(ids)
        # The id is the request's own, so that a tower treats an unknown one as it was trained to.
        columns = {name: tf.gather(values, rows) for name, values in self._columns.items()}
        live = {} if request is None else self._live.read(request, columns)
        return {self.column: ids, **columns, **live}

    def example_context(self, count: int) -> dict[str, npt.NDArray[Any]]:
        """Returns the context of some requests by the names of inputs, the examples in turn."""
        return {
            part.spec.name: np.resize(part.examples, (count, *part.examples.shape[1:]))
            for part in self.context
        }

    def seen(self, ids: tf.Tensor) -> tf.Tensor | None:
        """Returns positions of the items that users have seen, `[B, S]` padded with -1."""
        return self.history(ids).to_tensor(-1) if self.excludes_seen else None

    def history(self, ids: tf.Tensor) -> tf.RaggedTensor:
        """Returns positions of the items that users have seen, as they were given, `[B, (S)]`."""
        if self._seen is None or self._splits is None:
            return tf.RaggedTensor.from_tensor(tf.zeros([tf.size(ids), 0], tf.int32), ragged_rank=1)
        rows = self._rows(ids)
        starts, ends = tf.gather(self._splits, rows), tf.gather(self._splits, rows + 1)
        places = tf.ragged.range(starts, ends)
        return places.with_values(tf.gather(self._seen, places.values))

    def exclude(self, ids: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """Returns a request's exclusions `[B, E]` with what users have seen, `[B, E + S]`."""
        seen = self.seen(ids)
        return positions if seen is None else tf.concat([positions, seen], axis=1)

    def _rows(self, ids: tf.Tensor) -> tf.Tensor:
        rows = self._lookup(ids)
        return tf.where(rows < 0, self.count, rows)


def _append(name: str, values: tf.Tensor, unknown: TensorLike | None) -> tf.Tensor:
    if unknown is None:
        unknown = _default(values)
    try:
        last = tf.cast(tf.convert_to_tensor(unknown), values.dtype)
        last = tf.broadcast_to(last, values.shape[1:])
    except (TypeError, ValueError, tf.errors.OpError) as error:
        raise ValueError(
            f"The unknown user's {name!r} must be {values.dtype.name} of shape "
            f"{tuple(values.shape[1:])}, received {unknown!r}."
        ) from error
    return tf.concat([values, last[None]], axis=0)


def _default(values: tf.Tensor) -> TensorLike:
    if values.dtype == tf.string:
        return ""
    if values.dtype.is_floating:
        return tf.reduce_mean(values, axis=0)
    return False if values.dtype == tf.bool else -1


def _seen_positions(seen: Histories, positions: RowLookup, users: int) -> tf.RaggedTensor:
    """Returns users' seen item ids as positions `[U, (S)]`; ids outside the corpus are dropped."""
    if not isinstance(seen, tf.RaggedTensor):
        rows = [np.asarray(row) for row in seen]
        flat = [row for row in rows if len(row)]
        nothing = np.zeros(0, positions.dtype.as_numpy_dtype)
        values = as_tensor("seen", np.concatenate(flat) if flat else nothing)
        seen = tf.RaggedTensor.from_row_lengths(values, [len(row) for row in rows])
    if int(seen.nrows()) != users:
        raise ValueError(
            f"`users.seen` must hold a row for each of the {users} users, received "
            f"{int(seen.nrows())} rows."
        )
    if (seen.dtype == tf.string) != (positions.dtype == tf.string):
        raise ValueError(
            f"`users.seen` must hold item ids, which are {positions.dtype.name}, received "
            f"{seen.dtype.name}."
        )
    seen = seen.with_values(positions(tf.cast(seen.values, positions.dtype)))
    return tf.ragged.boolean_mask(seen, seen >= 0)
