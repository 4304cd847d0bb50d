"""The answers of a published version, a batch at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.serving.publishing.manifest import read_manifest
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.typing import PathLike

_SIGNATURE = "recommend"


class VersionAnswers:
    """Asks a version's `recommend` for k items, with nothing in all other inputs.

    Args:
        path: The version's folder.
        k: The number of items.

    Raises:
        ValueError: Where the version has no `recommend`.
    """

    def __init__(self, path: PathLike, k: int) -> None:
        manifest = read_manifest(path)
        signatures = manifest["signatures"]
        if _SIGNATURE not in signatures:
            raise ValueError(
                f"`source` must be a version with the signature {_SIGNATURE!r}, received one with "
                f"{sorted(signatures)}."
            )
        self.item_id: str = manifest["item_id"]
        self.fingerprint: str = manifest["fingerprint"]
        facts = signatures[_SIGNATURE]["inputs"]
        self._asked = [name for name in facts if name != "k" and not _is_extra(facts[name])]
        self._extra = [name for name in facts if _is_extra(facts[name])]
        self._k, self._servable = np.int32(k), Servable(path)

    def __enter__(self) -> "VersionAnswers":
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Frees the version's memory."""
        self._servable.close()

    def check_columns(self, names: Sequence[str]) -> None:
        """Raises ValueError where requests lack a column that the version takes."""
        missing = sorted(set(self._asked) - set(names))
        if missing:
            raise ValueError(
                f"`requests` must hold the columns {self._asked}, received {list(names)}."
            )

    def __call__(self, asked: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Returns `{output: [B, k]}`; strings as `str`."""
        specs = self._servable.inputs[_SIGNATURE]
        inputs = {name: _convert(asked[name], np.dtype(specs[name].dtype)) for name in self._asked}
        rows = len(next(iter(inputs.values())))
        for name in self._extra:
            inputs[name] = np.zeros([rows, 0], specs[name].dtype)
        outputs = self._servable.run(_SIGNATURE, {**inputs, "k": self._k})
        return {name: _decode(values) for name, values in outputs.items()}


def _is_extra(facts: Mapping[str, Any]) -> bool:
    """Whether an input has any number of values a row: exclusions, tags and the like."""
    return len(facts["shape"]) == 2 and facts["shape"][1] is None


def _convert(values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.kind != "O":
        return values.astype(dtype)
    encoded = np.empty(len(values), object)
    encoded[:] = [str(value).encode() for value in values]
    return encoded


def _decode(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.dtype.kind != "O":
        return values
    decoded = np.empty(values.size, object)
    decoded[:] = [value.decode("utf-8", "replace") for value in values.reshape(-1)]
    return decoded.reshape(values.shape)
