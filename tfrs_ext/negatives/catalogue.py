"""The table of all items that samplers draw from."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.ops.hashing import fingerprint, lookup
from tfrs_ext.ops.tables import check_ids, check_same_kind


def _as_column(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    return array


def _as_json(column: tf.Tensor) -> Any:
    array = column.numpy()
    return (
        np.char.decode(array.astype("S"), "utf-8").tolist()
        if array.dtype == object
        else (array.tolist())
    )


def _check_id_column(items: Any, id_column: str | None) -> None:
    has_columns = hasattr(items, "keys")
    if id_column is None and has_columns:
        raise ValueError("`id_column` must be given where `items` has columns, received None.")
    if id_column is not None and not (has_columns and id_column in items):
        raise ValueError(f"`id_column` must be a column of `items`, received {id_column!r}.")


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Catalogue:
    """All items with their raw features, from which samplers draw rows and embed them.

    Args:
        items: Mapping of column to array (`[M]`, or `[M, L]`; a pandas frame will do), the raw
            features that the candidate tower takes; or `[M]` ids alone, for a tower of ids.
        id_column: The column of `items` that holds the ids, integers or strings, unique; None
            where `items` are ids alone.

    Raises:
        ValueError: Where there are no items, ids repeat, or columns differ in length.

    It is written into the configuration of every source that holds it.

    Example:
        >>> items = {"item": ["a", "b", "c"], "price": [1.0, 2.5, 2.0]}
        >>> catalogue = tfrs_ext.negatives.Catalogue(items, id_column="item")
        >>> len(catalogue)
        3
    """

    def __init__(self, items: Any, id_column: str | None = None) -> None:
        self.id_column = id_column
        _check_id_column(items, id_column)
        columns = {"": items} if id_column is None else {str(n): items[n] for n in items}
        ids = check_ids(columns[id_column or ""], f"items[{id_column!r}]" if id_column else "items")
        columns = {name: _as_column(column) for name, column in columns.items()}
        for name, column in columns.items():
            if len(column) != len(ids):
                raise ValueError(
                    f"`items` must have {len(ids)} rows in every column, as ids, received "
                    f"{len(column)} in {name!r}."
                )
        with tf.init_scope():
            self.ids = tf.constant(ids)
            self._columns = {name: tf.constant(column) for name, column in columns.items()}
            keys = fingerprint(self.ids).numpy()
            self._order = tf.constant(np.argsort(keys), tf.int64)
            self._keys = tf.constant(np.sort(keys))

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    def positions(self, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the rows `[B]` int64 of `ids`, and whether each is in the catalogue."""
        check_same_kind(ids, self.ids)
        rows, known = lookup(fingerprint(ids), self._keys)
        return tf.gather(self._order, rows), known

    def features(self, positions: tf.Tensor) -> Any:
        """Returns the raw features of the rows `positions` `[n]`, as the candidate tower takes."""
        features = {name: tf.gather(column, positions) for name, column in self._columns.items()}
        return features if self.id_column else features[""]

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        items = {name: _as_json(column) for name, column in self._columns.items()}
        return {"items": items if self.id_column else items[""], "id_column": self.id_column}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Catalogue":
        """Builds the catalogue that `get_config` described."""
        return cls(**config)
