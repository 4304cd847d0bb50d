"""What a version says of its items, by id: looked up here rather than asked for in each answer."""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tfrs_ext.serving.offline.texts import to_arrow
from tfrs_ext.serving.publishing.stored_items import item_columns
from tfrs_ext.typing import PathLike


class ItemFields:
    """Fields of items by their ids.

    A title of an answer is a Python object, and so are the millions of a job. Here each text is
    held once, in a dictionary of Arrow that all answers share: an answer holds numbers.

    Args:
        ids: `[C]` integer ids.
        columns: `{field: [C]}`, such as titles; texts may be bytes.
    """

    def __init__(
        self, ids: npt.NDArray[np.integer[Any]], columns: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        self._places = pd.Index(ids)
        self._columns = {name: to_arrow(values) for name, values in columns.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The fields."""
        return tuple(self._columns)

    def of(self, ids: npt.NDArray[np.integer[Any]]) -> dict[str, pa.Array]:
        """Returns the fields of known items: texts as places in a dictionary, numbers as they are.

        Args:
            ids: `[N]` ids, of which each is known.
        """
        places = pa.array(self._places.get_indexer(ids), pa.int32())
        return {name: _gather(values, places) for name, values in self._columns.items()}


def _gather(values: pa.Array, places: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type):
        return pa.DictionaryArray.from_arrays(places, values, safe=False)
    return values.take(places)


def read_item_fields(path: PathLike, item_id: str, outputs: Container[str]) -> ItemFields | None:
    """Returns the fields of a version's items; None where ids are texts, or it has no fields.

    Ids that are texts are Python objects themselves: to look something up by them saves nothing.

    Args:
        path: A version's folder.
        item_id: The output with the ids.
        outputs: What answers hold: no other field is read.
    """
    columns = item_columns(path)
    ids = columns.pop(item_id, None)
    fields = {name: values for name, values in columns.items() if name in outputs}
    return ItemFields(ids, fields) if ids is not None and ids.dtype.kind == "i" and fields else None
