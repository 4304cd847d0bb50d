"""What a server has answered, as lines of JSON, for the next training."""

import datetime
import logging
import os
import pathlib
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tfrs_ext.serving.publishing.manifest import read_manifest
from tfrs_ext.serving.rest.json_text import to_json
from tfrs_ext.serving.rest.tensors import from_array
from tfrs_ext.typing import PathLike

_log = logging.getLogger(__name__)

Arrays = Mapping[str, npt.NDArray[Any]]


class AnswerLog:
    """Appends a line for each row of each request that was answered with items.

    A line is an object with `time` (UTC, ISO 8601), `model`, `version`, `signature`, `request`
    (the row's inputs), `items`, `scores` and `positions`, from 1, without padding. Each process
    and day has a file of its own, `answers-<day>-<process>.jsonl`. What can't be written is said
    in the server's log, and the answer goes out all the same.

    Args:
        folder: The folder, made where it is missing.

    Raises:
        ValueError: Where the folder can't be written to.
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = pathlib.Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(
                f"`answer_log` must be a folder that can be made, received {str(folder)!r}: {error}"
            ) from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ValueError(
                f"`answer_log` must be a folder to write to, received {str(folder)!r}."
            )
        self._lock = threading.Lock()
        self._items: dict[pathlib.Path, str | None] = {}

    def write(
        self, model: str, version: pathlib.Path, signature: str, inputs: Arrays, outputs: Arrays
    ) -> None:
        """Appends the lines of a request; any number of threads may call.

        Args:
            model: The model's name.
            version: The version's folder.
            signature: The signature that was asked.
            inputs: Its inputs by name.
            outputs: What it answered.
        """
        try:
            item_id = self._item_id(version)
            if item_id is None or item_id not in outputs or outputs[item_id].ndim != 2:
                return
            now = datetime.datetime.now(datetime.timezone.utc)
            facts = {
                "time": now.isoformat(timespec="milliseconds"),
                "model": model,
                "version": int(version.name),
                "signature": signature,
            }
            rows = range(len(outputs[item_id]))
            lines = [to_json({**facts, **_line(row, item_id, inputs, outputs)}) for row in rows]
            path = self.folder / f"answers-{now.date()}-{os.getpid()}.jsonl"
            # One write of whole lines: a killed process leaves no line in the middle of others.
            with self._lock, open(path, "ab") as file:
                file.write(b"".join(line + b"\n" for line in lines))
        except Exception as error:
            _log.error("an answer of %s couldn't be logged: %s", model, error)

    def _item_id(self, version: pathlib.Path) -> str | None:
        if version not in self._items:
            try:
                self._items[version] = read_manifest(version).get("item_id")
            except FileNotFoundError:
                self._items[version] = None
        return self._items[version]


def _line(row: int, item_id: str, inputs: Arrays, outputs: Arrays) -> dict[str, Any]:
    ids, scores = outputs[item_id][row], outputs.get("score")
    kept = ids != (b"" if ids.dtype == object else -1)
    asked = {
        name: from_array(name, np.asarray(values[row] if values.ndim else values, values.dtype))
        for name, values in inputs.items()
    }
    return {
        "request": asked,
        "items": from_array("items", ids[kept]),
        "scores": None if scores is None else np.round(scores[row][kept], 6).tolist(),
        "positions": (np.flatnonzero(kept) + 1).tolist(),
    }
