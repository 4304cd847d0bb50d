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

    Relations:
        `export` and its like check what they write with it; `query_fresh` and `query_all_fresh`
        ask it.

    Example:
        >>> with keep_process():
        ...     pass  # Export, then ask.
    """
    if _KEPT:
        yield
        return
    _KEPT.append(Interpreter())
    try:
        yield
    finally:
        _KEPT.pop().close()


_KEPT: list[Interpreter] = []
_LOCK = threading.Lock()


def _run(path: pathlib.Path, job: dict[str, Any]) -> dict[str, Any]:
    if not _KEPT:
        with contextlib.closing(Interpreter()) as interpreter:
            return interpreter.ask(path, job)
    with _LOCK:
        if not _KEPT[0].fits(job):
            _KEPT[0].close()
            _KEPT[0] = Interpreter()
        return _KEPT[0].ask(path, job)


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
