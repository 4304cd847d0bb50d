"""A body of the predict call to its answer, in the row and in the column format."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.json_text import from_json, to_json
from tfrs_ext.serving.rest.limits import Limits
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.serving.rest.tensors import TensorSpec, from_array, to_array

Arrays = dict[str, npt.NDArray[Any]]
_KEYS = {"signature_name", "instances", "inputs"}


class Question(NamedTuple):
    """What a version is asked.

    Attributes:
        signature: The signature's name.
        inputs: The inputs by name.
        is_by_row: Whether it came in the row format, and is answered in it.
    """

    signature: str
    inputs: Arrays
    is_by_row: bool

    @property
    def num_rows(self) -> int:
        """How many rows the inputs have, which is 0 where none of them has rows."""
        return next((len(array) for array in self.inputs.values() if array.ndim), 0)


def predict(servable: Servable, body: bytes, limits: Limits) -> bytes:
    """Answers `{"signature_name": …, "instances": …}` or `{"signature_name": …, "inputs": …}`.

    Args:
        servable: The loaded version.
        body: JSON.
        limits: What may be asked for.

    Returns:
        JSON: `{"predictions": [row, …]}` to instances, `{"outputs": columns}` to inputs; where a
        signature has one output alone, values without its name, as TensorFlow Serving has it.

    Raises:
        RequestError: Where the body doesn't fit the signature or the limits.
    """
    question = read_question(servable, body, limits)
    outputs = run(servable, question.signature, question.inputs, limits)
    return write_answer(question, outputs)


def read_question(servable: Servable, body: bytes, limits: Limits) -> Question:
    """Returns what a body asks.

    Args:
        servable: The loaded version.
        body: JSON.
        limits: What may be asked for.

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
    return Question(signature, inputs, by_row)


def run(servable: Servable, signature: str, inputs: Arrays, limits: Limits) -> Arrays:
    """Returns the outputs by name.

    Args:
        servable: The loaded version.
        signature: The signature's name.
        inputs: The inputs by name.
        limits: The bound on time.

    Raises:
        RequestError: Where the model refuses the inputs, or takes too long.
    """
    try:
        return servable.run(signature, inputs, limits.answer_seconds)
    except tf.errors.InvalidArgumentError as error:
        raise RequestError(f"The model refuses the inputs: {error.message[:500]}") from error
    except tf.errors.DeadlineExceededError as error:
        raise RequestError(
            f"The answer took over {limits.answer_seconds} seconds: ask for less.", 504
        ) from error


def write_answer(question: Question, outputs: Arrays) -> bytes:
    """Returns the answer as JSON.

    Args:
        question: What was asked.
        outputs: The outputs by name.

    Raises:
        RequestError: Where outputs have no rows although rows were asked for, or hold a number
            that is NaN or infinite, for which JSON has no word.
    """
    if question.is_by_row:
        return to_json({"predictions": _rows(outputs, question.num_rows)})
    values = {name: from_array(name, array) for name, array in outputs.items()}
    return to_json({"outputs": next(iter(values.values())) if len(values) == 1 else values})


def _parse(body: bytes) -> dict[str, Any]:
    try:
        request = from_json(body)
    except ValueError as error:
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
    if max(rows.values(), default=0) > limits.rows:
        raise RequestError(f"A request must have at most {limits.rows} rows, received {rows}.")
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
