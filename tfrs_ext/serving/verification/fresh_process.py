"""Questions to a bundle in a fresh interpreter, with TensorFlow alone."""

import contextlib
import pathlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tfrs_ext.indexes import find_op_library
from tfrs_ext.serving.publishing.manifest import op_library
from tfrs_ext.serving.verification.interpreter import Interpreter
from tfrs_ext.typing import PathLike, TensorLike


class Request(NamedTuple):
    """A question to a bundle.

    Attributes:
        signature: Which signature is asked.
        inputs: `{name: array or nested lists}`, as the signature names them.
        through: `"load"` for `tf.saved_model.load`, `"session"` for the way of TF Serving.
    """

    signature: str
    inputs: Mapping[str, TensorLike]
    through: Literal["load", "session"] = "load"


def query_fresh(
    path: PathLike,
    inputs: Mapping[str, TensorLike],
    signature: str = "serving_default",
    *,
    through: Literal["load", "session"] = "load",
) -> dict[str, Any]:
    """Asks a bundle one question in a new process that imports TensorFlow, not this package.

    Args:
        path: A version's folder.
        inputs: `{name: array or nested lists}`, as the signature names them.
        signature: Which signature to ask.
        through: `"load"` for `tf.saved_model.load`, `"session"` for the way of TF Serving.

    Returns:
        `{name: array}` with strings as `str` objects.

    Raises:
        RuntimeError: Where the process fails; with what it wrote last.

    Relations:
        `query_all_fresh` for several questions; within `keep_process` no new process is needed.
    """
    return query_all_fresh(path, [Request(signature, inputs, through)])[0]


def query_all_fresh(path: PathLike, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Asks a bundle several questions in one process; see `query_fresh`.

    Args:
        path: A version's folder.
        requests: The questions.

    Returns:
        One answer for each request.
    """
    path = pathlib.Path(path).resolve()
    library = op_library(path)
    job = {
        "path": str(path),
        "op_library": library and find_op_library(library),
        "requests": [
            {
                "signature": request.signature,
                "through": request.through,
                "inputs": {name: _plain(v) for name, v in request.inputs.items()},
            }
            for request in requests
        ],
    }
    result = _run(path, job)
    if result["foreign"]:
        raise RuntimeError(f"{path} loads only where {result['foreign']} can be imported.")
    return [{name: _array(v) for name, v in answer.items()} for answer in result["answers"]]


@contextlib.contextmanager
def keep_process() -> Iterator[None]:
    """Lets one process answer what is asked within the block, and starts it at once.

    A new process takes seconds to import TensorFlow. Within the block it does so while an export
    is being made, and the questions that follow go to it, too. A bundle that needs other custom
    operations than the last one gets a new process, so that nothing hides that they are missing.
    Blocks of several threads share the process, which answers one question after the other, and
    ends with the last block.

    Relations:
        `export` and its like check what they write with it; `query_fresh` and `query_all_fresh`
        ask it.

    Example:
        >>> with keep_process():
        ...     pass  # Export, then ask.
    """
    _KEPT.enter()
    try:
        yield
    finally:
        _KEPT.leave()


class _Kept:
    """The process of all blocks that are open, in whichever threads: the last one ends it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._interpreter: Interpreter | None = None

    def enter(self) -> None:
        """Opens a block; the first one starts the process."""
        with self._lock:
            if self._interpreter is None:
                self._interpreter = Interpreter()
            self._blocks += 1

    def leave(self) -> None:
        """Closes a block; the last one ends the process."""
        with self._lock:
            self._blocks -= 1
            if not self._blocks and self._interpreter is not None:
                self._interpreter.close()
                self._interpreter = None

    def ask(self, path: pathlib.Path, job: dict[str, Any]) -> dict[str, Any] | None:
        """Returns what the process answers; None where no block is open."""
        with self._lock:
            if self._interpreter is None:
                return None
            if not self._interpreter.fits(job):
                self._interpreter.close()
                self._interpreter = Interpreter()
            return self._interpreter.ask(path, job)


_KEPT = _Kept()


def _run(path: pathlib.Path, job: dict[str, Any]) -> dict[str, Any]:
    answer = _KEPT.ask(path, job)
    if answer is not None:
        return answer
    with contextlib.closing(Interpreter()) as interpreter:
        return interpreter.ask(path, job)


def _plain(values: TensorLike) -> Any:
    array = np.asarray(values)
    if array.dtype.kind in "SO":
        flat = [
            v.decode("utf-8", "surrogateescape") if isinstance(v, bytes) else v
            for v in array.reshape(-1)
        ]
        return np.array(flat, dtype=object).reshape(array.shape).tolist()
    return array.tolist()


def _array(values: npt.ArrayLike) -> Any:
    array = np.array(values)
    return array.astype(object) if array.dtype.kind == "U" else array
