"""A body of the predict call to its answer, in the row and in the column format."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.serving.rest.tensors import TensorSpec, from_array, to_array

Arrays = dict[str, npt.NDArray[Any]]
_KEYS = {"signature_name", "instances", "inputs"}


class Asked(NamedTuple):
    """What a version was asked, and what it answered.

    Attributes:
        signature: The signature's name.
        inputs: Its inputs by name.
        outputs: Its outputs by name.
    """

    signature: str
    inputs: Arrays
    outputs: Arrays


def predict(
    servable: Servable,
    body: bytes,
    limits: Limits,
    note: Callable[[Asked], object] = lambda asked: None,
) -> dict[str, Any]:
    """Answers `{"signature_name": …, "instances": …}` or `{"signature_name": …, "inputs": …}`.

    Args:
        servable: The loaded version.
        body: JSON.
        limits: What may be asked for.
        note: Called with what was asked and answered.

    Returns:
        `{"predictions": [row, …]}` to instances, `{"outputs": columns}` to inputs; where a
        signature has one output alone, values without its name, as TensorFlow Serving has it.

    Raises:
        RequestError: Where the body doesn't fit the signature or the limits.
    """
    request = _parse(body)
    signature = request.get("signature_name", "serving_default")
    if not isinstance(signature, str) or signature not in servable.inputs:
        raise RequestError(
            f"`signature_name` must be one of {sorted(servable.inputs)}, received {signature!r}."
        )
    specs, by_row = servable.inputs[signature], "instances" in request
    columns = _columns(request["instances"], specs) if by_row else request["inputs"]
    inputs = _arrays(columns, specs)
    _check(inputs, limits)
    try:
        outputs = servable.run(signature, inputs, limits.answer_seconds)
    except tf.errors.InvalidArgumentError as error:
        raise RequestError(f"The model refuses the inputs: {error.message[:500]}") from error
    except tf.errors.DeadlineExceededError as error:
        raise RequestError(
            f"The answer took over {limits.answer_seconds} seconds: ask for less.", 504
        ) from error
    note(Asked(signature, inputs, outputs))
    if by_row:
        return {"predictions": _rows(outputs, len(request["instances"]))}
    values = {name: from_array(name, array) for name, array in outputs.items()}
    return {"outputs": next(iter(values.values())) if len(values) == 1 else values}


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The body must be JSON: {error}.") from error
    if not isinstance(request, dict) or not set(request) <= _KEYS:
        raise RequestError(f"The body must be an object with keys among {sorted(_KEYS)}.")
    if len({"instances", "inputs"} & set(request)) != 1:
        raise RequestError("The body must hold either `instances` (rows) or `inputs` (columns).")
    return request


def _columns(instances: object, specs: dict[str, TensorSpec]) -> dict[str, Any]:
    """Returns rows as columns; where there is one input, rows may lack its name."""
    if not isinstance(instances, list):
        raise RequestError("`instances` must be a list of rows.")
    scalars = [name for name, spec in specs.items() if not spec.shape]
    if scalars:
        raise RequestError(
            f"Rows can't carry {scalars}, which has one value for all of them: use the column "
            "format, `inputs`."
        )
    if len(specs) == 1 and not any(_is_named(row) for row in instances):
        return {next(iter(specs)): instances}
    for row in instances:
        if not isinstance(row, dict) or set(row) != set(specs):
            raise RequestError(f"Each of the `instances` must be an object with {sorted(specs)}.")
    return {name: [row[name] for row in instances] for name in specs}


def _is_named(row: object) -> bool:
    return isinstance(row, dict) and set(row) != {"b64"}


def _arrays(columns: object, specs: dict[str, TensorSpec]) -> Arrays:
    if len(specs) == 1 and not isinstance(columns, dict):
        columns = {next(iter(specs)): columns}
    if not isinstance(columns, dict) or set(columns) != set(specs):
        received = sorted(columns) if isinstance(columns, dict) else type(columns).__name__
        raise RequestError(f"The inputs must be {sorted(specs)}, received {received}.")
    return {name: to_array(name, columns[name], spec) for name, spec in specs.items()}


def _check(inputs: Arrays, limits: Limits) -> None:
    rows = {name: len(array) for name, array in inputs.items() if array.ndim}
    if len(set(rows.values())) > 1:
        raise RequestError(f"The inputs must have as many rows as each other, received {rows}.")
    if max(rows.values(), default=0) > limits.batch:
        raise RequestError(f"A request must have at most {limits.batch} rows, received {rows}.")
    for name, array in inputs.items():
        if array.size > limits.values:
            raise RequestError(
                f"Input {name!r} must have at most {limits.values} values, received {array.size}."
            )
    k = inputs.get("k", np.int32(1))
    if k.ndim == 0 and not 1 <= k <= limits.k:
        raise RequestError(f"`k` must be from 1 to {limits.k}, received {k}.")


def _rows(outputs: Arrays, count: int) -> list[Any]:
    apart = [name for name, array in outputs.items() if array.shape[:1] != (count,)]
    if apart:
        raise RequestError(f"Outputs {apart} have no rows: use the column format, `inputs`.")
    columns = {name: from_array(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        return list(next(iter(columns.values())))
    return [{name: column[row] for name, column in columns.items()} for row in range(count)]
