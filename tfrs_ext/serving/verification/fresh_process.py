"""Questions to a bundle in a fresh interpreter, with TensorFlow alone."""

import importlib.resources
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tfrs_ext.indexes import find_op_library
from tfrs_ext.serving.publishing.manifest import op_library
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
    """
    return query_all_fresh(path, [Request(signature, inputs, through)])[0]


def query_all_fresh(path: PathLike, requests: Sequence[Request]) -> list[dict[str, Any]]:
    """Asks a bundle several questions in one new process; see `query_fresh`.

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
    result = json.loads(_run_child(path, json.dumps(job)))
    if result["foreign"]:
        raise RuntimeError(f"{path} loads only where {result['foreign']} can be imported.")
    return [{name: _array(v) for name, v in answer.items()} for answer in result["answers"]]


def _run_child(path: pathlib.Path, job: str) -> str:
    script = importlib.resources.files("tfrs_ext.serving.verification").joinpath("child.py")
    run = subprocess.run(
        [sys.executable, "-c", script.read_text(encoding="utf-8")],
        input=job,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        last = "\n".join(run.stderr.strip().splitlines()[-15:])
        raise RuntimeError(f"A fresh process could not answer from {path}:\n{last}")
    return run.stdout


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
