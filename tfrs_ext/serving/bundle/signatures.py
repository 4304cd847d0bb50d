"""Modules that are saved as their signatures and the state behind them."""

import abc
import pathlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy.typing as npt
import tensorflow as tf

_STATE = (tf.Variable, tf.saved_model.experimental.TrackableResource, tf.saved_model.Asset)
EXAMPLES = 8  # Rows that an input shows.
_WARMUP_ROWS = (1, EXAMPLES)

T = TypeVar("T")
Requests = Sequence[tuple[str, Mapping[str, npt.ArrayLike]]]
"""Pairs of a signature's name and its inputs, arrays by name."""


class Input(NamedTuple):
    """An input of a signature.

    Attributes:
        spec: What it takes, with its name.
        examples: Some of its rows, or the value of a scalar; the warm-up asks with them.
    """

    spec: tf.TensorSpec
    examples: npt.NDArray[Any]

    @property
    def has_rows(self) -> bool:
        """Whether it has a value for each row of a request."""
        return bool(self.spec.shape.rank)


class Signature(NamedTuple):
    """A function that a bundle answers requests with.

    Attributes:
        name: What requests call it.
        function: Takes the inputs by name, and returns tensors by name.
        inputs: What it takes.
    """

    name: str
    function: Callable[..., Mapping[str, tf.Tensor]]
    inputs: Sequence[Input]

    def request(self, rows: int) -> dict[str, npt.NDArray[Any]]:
        """Returns inputs of at most so many rows."""
        lengths = [len(column.examples) for column in self.inputs if column.has_rows]
        rows = min([rows, *lengths])
        return {
            column.spec.name: column.examples[:rows] if column.has_rows else column.examples
            for column in self.inputs
        }


class SignatureModule(tf.Module, abc.ABC):
    """Functions with named inputs and outputs, over the state of objects that aren't saved.

    A subclass lists its signatures in `_signatures`, and calls `_trace` at the end of its
    constructor. Names that share a method share its graph.

    Args:
        name: The name of the module.
        owners: The objects whose variables and tables the functions read. Their state alone is
            saved: Keras objects would bring functions that nobody serves.
    """

    op_namespaces: tuple[str, ...] = ()
    """The namespaces of custom operations in the signatures' graphs."""
    op_library: str | None = None
    """The library of these operations, as `indexes.find_op_library` takes it."""

    def __init__(self, name: str, owners: Iterable[tf.Module]) -> None:
        super().__init__(name=name)
        self._state = [part for owner in owners for part in _state_of(owner)]

    @abc.abstractmethod
    def _signatures(self) -> Sequence[Signature]:
        """Returns the signatures, one a line."""

    def _trace(self) -> None:
        signatures = self._signatures()
        graphs: dict[Callable[..., Any], Any] = {}
        for signature in signatures:
            if signature.function not in graphs:
                graphs[signature.function] = _concrete(signature)
        self.functions = untracked({s.name: graphs[s.function] for s in signatures})
        self._descriptions = untracked(
            {s.name: _describe(s, graphs[s.function]) for s in signatures}
        )
        self._requests = untracked(
            [(s.name, s.request(rows)) for rows in _WARMUP_ROWS for s in signatures]
        )

    def warmup(self) -> Requests:
        """Returns requests for every signature, with one row and with several."""
        return self._requests()

    def describe(self) -> dict[str, Any]:
        """Returns inputs and outputs of each signature, JSON-able."""
        return self._descriptions()

    def save(self, folder: pathlib.Path) -> None:
        """Writes the SavedModel."""
        options = tf.saved_model.SaveOptions(namespace_whitelist=list(self.op_namespaces))
        tf.saved_model.save(self, str(folder), signatures=self.functions(), options=options)


def untracked(value: T) -> Callable[[], T]:
    """Returns a function that gives the value: a module doesn't save what it can't see."""
    return lambda: value


def _concrete(signature: Signature) -> Any:
    names = [column.spec.name for column in signature.inputs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(
            f"Signature {signature.name!r} would have two inputs called {twice}: rename the "
            "column of that name."
        )
    specs = {column.spec.name: column.spec for column in signature.inputs}
    return tf.function(signature.function, autograph=False).get_concrete_function(**specs)


def _describe(signature: Signature, graph: Any) -> dict[str, Any]:
    inputs = {column.spec.name: column.spec for column in signature.inputs}
    return {"inputs": _facts(inputs), "outputs": _facts(graph.structured_outputs)}


def _facts(specs: Mapping[str, tf.TensorSpec]) -> dict[str, Any]:
    return {
        name: {"dtype": spec.dtype.name, "shape": list(spec.shape)}
        for name, spec in sorted(specs.items())
    }


def _state_of(owner: tf.Module) -> list[Any]:
    descendants = tf.train.TrackableView(owner).descendants()
    return [part for part in descendants if isinstance(part, _STATE)]
