"""Requests and answers as one table of Arrow."""

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
