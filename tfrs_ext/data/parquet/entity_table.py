"""What is known of users and items, which is joined to the rows of a batch."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from tfrs_ext.data.columns import on_host
from tfrs_ext.data.feature_set import arrays_of
from tfrs_ext.features import Feature


class EntityTable:
    """A table of users or items, with one more row for those that it lacks.

    Args:
        table: The table.
        name: Its column of ids.
        features: Its columns with their facts.

    Attributes:
        key: What a batch calls the positions in the table.
    """

    def __init__(self, table: pd.DataFrame, name: str, features: tuple[Feature, ...]) -> None:
        self.name, self.key = name, f"position of {name}"
        self._table, self._features = table, features
        self._index = pd.Index(table[name])

    def positions(self, ids: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Returns the positions `[N]` of ids in the table, its length for those that it lacks."""
        found = self._index.get_indexer(pd.Index(ids)).astype(np.int64)
        return np.where(found < 0, len(self._index), found)

    def columns(self) -> dict[str, tf.Tensor]:
        """Returns `{column: [M + 1, ...]}`, the last row for those that the table lacks."""
        found = arrays_of(self._table, self._features)
        unknown = {f.name: np.asarray(f.unknown)[np.newaxis] for f in self._features}
        return {
            name: on_host(np.concatenate([values, unknown[name].astype(values.dtype)]))
            for name, values in found.items()
        }
