"""Requests and answers as one table of Arrow."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tfrs_ext.serving.offline.item_fields import ItemFields
from tfrs_ext.serving.offline.texts import to_arrow

Answer = Callable[[Mapping[str, npt.NDArray[Any]]], Mapping[str, npt.NDArray[Any]]]
"""From `{column: [B]}` of requests to `{column: [B, k]}`, ids among them."""


def recommend_table(
    answer: Answer, item_id: str, asked: pa.Table, fields: ItemFields | None = None
) -> pa.Table:
    """Returns requests with what they are recommended: a list a row and output, without padding.

    An output that is called as a column of the requests gets `recommended_` before its name.

    Args:
        answer: From columns to outputs; its texts may be `str` or bytes.
        item_id: The output with the ids, in which -1 or `""` is no item.
        asked: The requests.
        fields: What is known of the items beside the answers, or None.
    """
    columns = {name: asked[name].to_numpy(zero_copy_only=False) for name in asked.column_names}
    found = answer(columns)
    ids = found[item_id]
    kept = (ids != "") & (ids != b"") if ids.dtype == object else ids != -1
    ends = pa.array(np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64))
    lists = {name: to_arrow(values[kept]) for name, values in found.items()}
    lists |= {} if fields is None else fields.of(ids[kept])
    for name, values in lists.items():
        name = name if name not in columns else f"recommended_{name}"
        asked = asked.append_column(name, pa.LargeListArray.from_arrays(ends, values))
    return asked


def decode_texts(table: pa.Table, fewest: float = math.inf) -> pa.Table:
    """Returns a table whose lists hold texts themselves instead of places in a dictionary.

    Args:
        table: The table, such as `recommend_table` makes.
        fewest: A dictionary stays where lists hold at least so many values for each of its texts:
            it is written along with them.
    """
    for i, field in enumerate(table.schema):
        if not is_dictionary_list(field.type):
            continue
        chunks = table.column(i).chunks
        values = sum(len(chunk.values) for chunk in chunks)
        if not chunks or values < fewest * len(chunks[0].values.dictionary):
            plain = [_decode(chunk) for chunk in chunks]
            column = pa.chunked_array(plain, pa.large_list(field.type.value_type.value_type))
            table = table.set_column(i, field.name, column)
    return table


def is_dictionary_list(kind: pa.DataType) -> bool:
    """Whether a column's type is lists of places in a dictionary."""
    return bool(pa.types.is_large_list(kind) and pa.types.is_dictionary(kind.value_type))


def _decode(lists: pa.LargeListArray) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(lists.offsets, lists.values.dictionary_decode())
