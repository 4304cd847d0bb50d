"""Requests and answers as one table of Arrow."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Answer = Callable[[Mapping[str, npt.NDArray[Any]]], Mapping[str, npt.NDArray[Any]]]
"""From `{column: [B]}` of requests to `{column: [B, k]}`, ids among them."""


def recommend_table(answer: Answer, item_id: str, asked: pa.Table) -> pa.Table:
    """Returns requests with what they are recommended: a list a row and output, without padding.

    An output that is called as a column of the requests gets `recommended_` before its name.

    Args:
        answer: From columns to outputs; its texts may be `str` or bytes.
        item_id: The output with the ids, in which -1 or `""` is no item.
        asked: The requests.
    """
    columns = {name: asked[name].to_numpy(zero_copy_only=False) for name in asked.column_names}
    found = answer(columns)
    ids = found[item_id]
    kept = (ids != "") & (ids != b"") if ids.dtype == object else ids != -1
    for name, values in found.items():
        name = name if name not in columns else f"recommended_{name}"
        asked = asked.append_column(name, _to_lists(values, kept))
    return asked


def _to_lists(values: npt.NDArray[Any], kept: npt.NDArray[np.bool_]) -> pa.Array:
    """Returns `[B, k]` as lists without the padding."""
    ends = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    flat = values[kept]
    return pa.LargeListArray.from_arrays(
        pa.array(ends), _to_texts(flat) if values.dtype == object else pa.array(flat)
    )


def _to_texts(values: npt.NDArray[Any]) -> pa.Array:
    try:
        # Arrow checks bytes four times as fast as Python decodes them.
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:  # No UTF-8.
        return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
