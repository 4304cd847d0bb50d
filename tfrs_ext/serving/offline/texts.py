"""Arrays of Arrow from NumPy's, which holds texts as Python's objects."""

from typing import Any

import numpy.typing as npt
import pyarrow as pa


def to_arrow(values: npt.NDArray[Any]) -> pa.Array:
    """Returns `[N]` values as Arrow has them.

    Args:
        values: Numbers, or texts as `str` or bytes; what isn't UTF-8 gets replacement characters.
    """
    if values.dtype != object:
        return pa.array(values)
    try:
        # Arrow checks bytes four times as fast as Python decodes them.
        return pa.array(values, pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:  # No UTF-8.
        return pa.array([_as_text(value) for value in values], pa.string())


def _as_text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
