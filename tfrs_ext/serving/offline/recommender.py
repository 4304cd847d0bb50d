"""A published version as a function: requests in, recommendations out, a batch at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from tfrs_ext.serving.offline.item_fields import ItemFields, read_item_fields
from tfrs_ext.serving.offline.tables import decode_texts, recommend_table
from tfrs_ext.serving.publishing.manifest import read_manifest
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.typing import PathLike

_SIGNATURE = "recommend"


class Recommender:
    """Asks a version's `recommend` for k items, with nothing in its inputs of any length.

    It loads the version when it is first asked, so that it can be sent to the processes of a
    cluster, each of which loads the version once. It is a context manager: leaving it frees the
    version's memory.

    Args:
        path: The version's folder, such as `models/movies/7`.
        k: The number of items.

    Call arguments:
        asked: `{column: [B]}`, a column for each input `[B]` of `recommend`, such as `user_id`.
            Other columns are ignored.

    Attributes:
        item_id: The output with the items' ids.
        fingerprint: The version's fingerprint, as its manifest has it.
        dtypes: The dtype of each column asked for, such as `"int64"` or `"string"`.

    Returns:
        `{output: [B, k]}`: ids, `score` float32, and item fields, texts as bytes. Places without an
        item hold the id -1 or `b""`.

    Raises:
        ValueError: `k` isn't positive, or the version has no `recommend`.

    Relations:
        `recommend_to_parquet` takes a version's folder or a function like this one. `query_fresh`
        asks once, in a fresh process. `docs/serving.md` has a job for Spark.
    """

    def __init__(self, path: PathLike, k: int = 100) -> None:
        if k < 1:
            raise ValueError(f"`k` must be a positive integer, received k={k}.")
        manifest = read_manifest(path)
        signatures = manifest["signatures"]
        if _SIGNATURE not in signatures:
            raise ValueError(
                f"`path` must be a version with the signature {_SIGNATURE!r}, received one with "
                f"{sorted(signatures)}."
            )
        self.item_id: str = manifest["item_id"]
        self.fingerprint: str = manifest["fingerprint"]
        facts = signatures[_SIGNATURE]["inputs"]
        self._asked = [name for name in facts if name != "k" and not _is_extra(facts[name])]
        self.dtypes = {name: str(facts[name]["dtype"]) for name in self._asked}
        self._extra = [name for name in facts if _is_extra(facts[name])]
        self._path, self._k = str(path), k
        self._servable: Servable | None = None
        self._fields: ItemFields | None = None
        self._plain: tuple[str, ...] = ()

    def __enter__(self) -> "Recommender":
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Frees the version's memory."""
        if self._servable is not None:
            self._servable.close()
            self._servable = None

    def __getstate__(self) -> dict[str, Any]:
        """Returns what another process needs: not the loaded version."""
        return {**self.__dict__, "_servable": None, "_fields": None}

    def check_columns(self, names: Sequence[str]) -> None:
        """Raises ValueError where requests lack a column that the version takes.

        Args:
            names: The requests' columns.
        """
        missing = sorted(set(self._asked) - set(names))
        if missing:
            raise ValueError(
                f"`requests` must hold the columns {self._asked}, received {list(names)}."
            )

    def __call__(self, asked: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Returns `{output: [B, k]}`."""
        return self._ask(asked, ())

    def answer_table(self, asked: pa.Table) -> pa.Table:
        """Returns requests with what they are recommended: lists, without padding.

        Texts of items are places in a dictionary, which `tables.decode_texts` undoes.

        Args:
            asked: The requests, with a column for each input of `recommend`.
        """
        if self._servable is None:
            self._load()
        if self._fields is None:
            return recommend_table(self, self.item_id, asked)
        return recommend_table(self._ask_plain, self.item_id, asked, self._fields)

    def _ask_plain(self, asked: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        """Returns what answers hold beside the items' fields."""
        return self._ask(asked, self._plain)

    def _load(self) -> Servable:
        self._servable = Servable(self._path)
        outputs = self._servable.outputs[_SIGNATURE]
        self._fields = read_item_fields(self._path, self.item_id, outputs)
        known = () if self._fields is None else self._fields.names
        self._plain = tuple(name for name in outputs if name not in known)
        return self._servable

    def _ask(
        self, asked: Mapping[str, npt.NDArray[Any]], outputs: tuple[str, ...]
    ) -> dict[str, npt.NDArray[Any]]:
        servable = self._servable or self._load()
        specs = servable.inputs[_SIGNATURE]
        inputs = {
            name: _convert(name, asked[name], np.dtype(specs[name].dtype)) for name in self._asked
        }
        rows = len(next(iter(inputs.values())))
        for name in self._extra:
            inputs[name] = np.zeros([rows, 0], specs[name].dtype)
        values = {**inputs, "k": np.int32(self._k)}
        return servable.run(_SIGNATURE, values, outputs=outputs)

    def map_frames(
        self, frames: Iterator[pd.DataFrame], batch_size: int = 1024
    ) -> Iterator[pd.DataFrame]:
        """Yields frames of requests with what they are recommended, and frees the version at last.

        A row is a request: its columns, and lists of ids, scores and item fields, the best first,
        without padding. Spark's `mapInPandas` takes this method as it is, and so does any other
        engine that maps a function over the partitions of a table.

        Args:
            frames: Frames with a column for each input of `recommend`.
            batch_size: How many requests are asked at a time.
        """
        with self:
            for frame in frames:
                self.check_columns(list(frame.columns))
                for begin in range(0, len(frame), batch_size):
                    some = frame.iloc[begin : begin + batch_size]
                    asked = pa.Table.from_pandas(some, preserve_index=False)
                    yield decode_texts(self.answer_table(asked)).to_pandas()


def _is_extra(facts: Mapping[str, Any]) -> bool:
    """Whether an input has any number of values a row: exclusions, tags and the like."""
    return len(facts["shape"]) == 2 and facts["shape"][1] is None


def _convert(name: str, values: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if dtype.kind == "f":
        return values.astype(dtype)
    missing = pd.isna(values)
    if missing.any():
        # As a number or a text of its own, it would be somebody whom nobody knows.
        raise ValueError(
            f"`requests` must have a value in each row of {name!r}, received "
            f"{missing.sum():,} of {len(values):,} rows without one: leave them out, or fill them "
            f"with {'an empty text' if dtype.kind == 'O' else -1}."
        )
    if values.dtype.kind == "f" and (dtype.kind == "O" or (values % 1 != 0).any()):
        raise ValueError(
            f"`requests` must hold {'texts' if dtype.kind == 'O' else 'whole numbers'} in "
            f"{name!r}, received {values.dtype} such as {values[0]}: a column of whole numbers "
            "with an empty cell becomes one of fractions in many programs."
        )
    if dtype.kind != "O":
        return values.astype(dtype)
    encoded = np.empty(len(values), object)
    encoded[:] = [str(value).encode() for value in values]
    return encoded
