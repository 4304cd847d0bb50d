"""Modules that are saved as their signatures and the state behind them."""

import abc
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

_STATE = (tf.Variable, tf.saved_model.experimental.TrackableResource, tf.saved_model.Asset)


class SignatureModule(tf.Module, abc.ABC):
    """Functions with named inputs and outputs, over the state of objects that aren't saved.

    A subclass calls `trace` at the end of its constructor.

    Args:
        name: Of the module.
        owners: Whose variables and tables the functions read. Their state alone is saved: Keras
            objects would bring functions that nobody serves.
    """

    op_namespaces: tuple[str, ...] = ()
    """The namespaces of custom operations in the signatures' graphs."""
    op_library: str | None = None
    """The library of these operations, as `indexes.find_op_library` takes it."""

    def __init__(self, name: str, owners: Iterable[Any]) -> None:
        super().__init__(name=name)
        self._state = [part for owner in owners for part in _state_of(owner)]

    @abc.abstractmethod
    def _functions(self) -> dict[str, Any]:
        """Returns the concrete functions by signature."""

    def trace(self) -> None:
        """Traces the signatures."""
        self.signatures = untracked(self._functions())

    def describe(self) -> dict[str, Any]:
        """Returns inputs and outputs of each signature, JSON-able."""
        return {name: _described(function) for name, function in self.signatures().items()}

    def save(self, folder: pathlib.Path) -> None:
        """Writes the SavedModel."""
        options = tf.saved_model.SaveOptions(namespace_whitelist=list(self.op_namespaces))
        tf.saved_model.save(self, str(folder), signatures=self.signatures(), options=options)


def concrete(function: Callable[..., Any], specs: Mapping[str, tf.TensorSpec]) -> Any:
    """Returns the function, traced for inputs of the specifications, by name."""
    return tf.function(function, autograph=False).get_concrete_function(**specs)


def untracked(value: Any) -> Callable[[], Any]:
    """Returns a function that gives the value: a module doesn't save what it can't see."""
    return lambda: value


def _described(function: Any) -> dict[str, Any]:
    def facts(specs: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: {"dtype": spec.dtype.name, "shape": list(spec.shape)}
            for name, spec in sorted(specs.items())
        }

    return {
        "inputs": facts(function.structured_input_signature[1]),
        "outputs": facts(function.structured_outputs),
    }


def _state_of(value: Any) -> list[Any]:
    descendants = tf.train.TrackableView(value).descendants()
    return [part for part in descendants if isinstance(part, _STATE)]
