"""The table of all items that samplers draw from."""

from typing import Any, cast

import numpy as np
import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.ops.hashing import fingerprint, lookup
from tfrs_ext.ops.tables import check_ids, check_same_kind
from tfrs_ext.typing import Columns, Config, TensorLike


def _as_column(value: TensorLike) -> np.ndarray:
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


def _read_columns(items: Columns | TensorLike, item_id: str | None) -> dict[str, TensorLike]:
    if not hasattr(items, "keys"):
        if item_id is not None:
            raise ValueError(
                f"`item_id` must be None where `items` are ids alone, received {item_id!r}."
            )
        return {"": items}
    table = cast(Columns, items)
    columns = {str(name): table[name] for name in table}
    if item_id not in columns:
        raise ValueError(
            f"`item_id` must be a column of `items`, one of {sorted(columns)}, received "
            f"{item_id!r}."
        )
    return columns


@keras.saving.register_keras_serializable(package="tfrs_ext")
class Catalogue:
    """All items with their raw features, from which samplers draw some and embed them.

    Args:
        items: Mapping of column to array (`[M]`, or `[M, L]`; a pandas frame will do), the raw
            features that the candidate tower takes; or `[M]` ids alone, for a tower of ids.
        item_id: The column of `items` that holds the ids, integers or strings, unique; None
            where `items` are ids alone.

    Raises:
        ValueError: Where there are no items, ids repeat, or columns differ in length.

    Relations:
        It is written into the configuration of every source that holds it.

    Example:
        >>> items = {"item": ["a", "b", "c"], "price": [1.0, 2.5, 2.0]}
        >>> catalogue = tfrs_ext.negatives.Catalogue(items, item_id="item")
        >>> len(catalogue)
        3
    """

    def __init__(self, items: Columns | TensorLike, item_id: str | None = None) -> None:
        self.item_id = item_id
        given = _read_columns(items, item_id)
        ids = check_ids(given[item_id or ""], f"items[{item_id!r}]" if item_id else "items")
        columns = {name: _as_column(column) for name, column in given.items()}
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
        """Returns the positions `[B]` int64 of `ids`, and whether each is in the catalogue."""
        check_same_kind(ids, self.ids)
        rows, known = lookup(fingerprint(ids), self._keys)
        return tf.gather(self._order, rows), known

    def features(self, positions: tf.Tensor) -> Any:
        """Returns raw features of the items at `positions` `[n]`, as the candidate tower takes."""
        features = {name: tf.gather(column, positions) for name, column in self._columns.items()}
        return features if self.item_id else features[""]

    def get_config(self) -> Config:
        """Returns the constructor's arguments."""
        items = {name: _as_json(column) for name, column in self._columns.items()}
        return {"items": items if self.item_id else items[""], "item_id": self.item_id}

    @classmethod
    def from_config(cls, config: Config) -> "Catalogue":
        """Builds the catalogue that `get_config` described."""
        return cls(**config)
