"""Between the values of JSON and tensors, strictly: what doesn't fit is refused with the reason."""

import base64
import binascii
import itertools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tfrs_ext.serving.rest.errors import RequestError

_SHOWN = 60
_TYPES: dict[str, set[type]] = {"i": {int}, "u": {int}, "f": {int, float}, "b": {bool}}


class TensorSpec(NamedTuple):
    """An input or output of a signature.

    Attributes:
        tensor: Its name in the graph.
        dtype: NumPy's dtype; object for strings.
        shape: Sizes, None where any will do.
    """

    tensor: str
    dtype: npt.DTypeLike
    shape: tuple[int | None, ...]


def to_array(name: str, values: object, spec: TensorSpec) -> npt.NDArray[Any]:
    """Returns nested lists as the array that an input takes.

    Args:
        name: The input's name, for the error.
        values: What the request's JSON held.
        spec: The input's dtype and shape.

    Raises:
        RequestError: Where rank, sizes, types or ranges don't fit.
    """
    shape, flat = _flatten(name, values, len(spec.shape))
    for axis, (size, wanted) in enumerate(zip(shape, spec.shape, strict=True)):
        # Without rows, nothing says how wide they are.
        if wanted is not None and size != wanted:
            if flat or 0 not in shape[:axis]:
                raise RequestError(
                    f"Input {name!r} must have size {wanted} along axis {axis}, received {size}."
                )
            shape[axis] = wanted
    array = np.empty(len(flat), np.dtype(spec.dtype))
    array[:] = _check_elements(name, flat, array.dtype)
    return array.reshape(shape)


def _flatten(name: str, values: object, rank: int) -> tuple[list[int], list[Any]]:
    shape: list[int] = []
    level: list[Any] = [values]
    for axis in range(rank):
        if not all(isinstance(value, list) for value in level):
            raise RequestError(
                f"Input {name!r} must have rank {rank}, received less: {_show(values)}."
            )
        sizes = {len(value) for value in level}
        if len(sizes) > 1:
            raise RequestError(
                f"Input {name!r} must have rows of equal length along axis {axis}, received "
                f"lengths {sorted(sizes)[:5]}: pad the shorter ones."
            )
        shape.append(sizes.pop() if sizes else 0)
        level = [part for value in level for part in value]
    return shape, level


def _check_elements(name: str, flat: list[Any], dtype: np.dtype[Any]) -> list[Any]:
    if dtype.kind == "O":
        return [_string(name, value) for value in flat]
    if flat and not _all_fit(flat, dtype):
        (wrong,) = itertools.islice((v for v in flat if not _all_fit([v], dtype)), 1)
        finite = "a finite " if dtype.kind == "f" else ""
        raise RequestError(
            f"Input {name!r} must hold {finite}{dtype.name} values, received {_show(wrong)}."
        )
    return flat


def _all_fit(flat: list[Any], dtype: np.dtype[Any]) -> bool:
    if not set(map(type, flat)) <= _TYPES[dtype.kind]:
        return False
    if dtype.kind == "b":
        return True
    if dtype.kind == "f":
        # Python compares an int beyond float64 exactly, and NaN is never less.
        most = float(np.finfo(dtype).max)
        return all(abs(value) <= most for value in flat)
    range_ = np.iinfo(dtype)
    return range_.min <= min(flat) <= max(flat) <= range_.max


def _string(name: str, value: object) -> bytes:
    try:
        if isinstance(value, str):
            return value.encode("utf-8")
        if isinstance(value, dict) and set(value) == {"b64"}:
            return base64.b64decode(value["b64"], validate=True)
    except (UnicodeEncodeError, TypeError, binascii.Error, ValueError):
        pass  # Half a surrogate pair, or no base64.
    raise RequestError(
        f'Input {name!r} must hold strings, or bytes as {{"b64": …}}, received {_show(value)}.'
    )


def from_array(name: str, array: npt.NDArray[Any]) -> Any:
    """Returns an output as `to_json` takes it; bytes in base64 where the name ends in `_bytes`.

    Args:
        name: The output's name.
        array: The output's value.

    Raises:
        RequestError: Where a number is NaN or infinite, for which JSON has no word.
    """
    if array.dtype.kind != "O":
        if array.dtype.kind not in "iub":
            array = array if array.dtype.kind == "f" else array.astype(np.float32)  # bfloat16
            if not np.isfinite(array).all():
                raise RequestError("The model answers these inputs with NaN or infinity.")
        return np.ascontiguousarray(array).reshape(array.shape)
    if name.endswith("_bytes"):
        flat = [{"b64": base64.b64encode(v).decode()} for v in array.reshape(-1)]
    else:
        flat = [v.decode("utf-8", "replace") for v in array.reshape(-1)]
    values = np.empty(len(flat), object)
    values[:] = flat
    return values.reshape(array.shape).tolist()


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
