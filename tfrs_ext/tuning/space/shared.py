"""Several models' search spaces as one: what they declare alike is one hyper-parameter.

Each model declares its own space, as if it were alone. The space of a choice among them holds every
hyper-parameter once, on the condition that a model that declares it is chosen:

    dcn_v2:  embedding_dim   cross_layers              model                      always
    dcn:     embedding_dim   cross_layers       ->     embedding_dim              always
    din:     embedding_dim   use_softmax               cross_layers  if model in (dcn_v2, dcn)
                                                       use_softmax   if model in (din,)

So a search learns of `embedding_dim` from the trials of all models. Two passes do it: the first
runs every declaration only to see who declares what, the second registers.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tfrs_ext.typing import HyperParameters

Declare = Callable[[HyperParameters], Any]
Scope = tuple[str, tuple[Any, ...]]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A hyper-parameter, less its default: the first model that declares it sets that."""

    kind: str
    name: str
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...]
    scopes: tuple[Scope, ...]

    def register(self, hp: HyperParameters, default: Any, conditions: Sequence[Scope] = ()) -> Any:
        """Registers the parameter, and returns its value.

        Args:
            hp: The hyper-parameters.
            default: The default.
            conditions: Scopes around those in which the parameter was declared.
        """
        with contextlib.ExitStack() as stack:
            for name, values in (*conditions, *self.scopes):
                stack.enter_context(hp.conditional_scope(name, list(values)))
            arguments = [list(a) if isinstance(a, tuple) else a for a in self.arguments]
            add = getattr(hp, self.kind)
            return add(self.name, *arguments, default=default, **dict(self.options))


class Declarations:
    """Stands for `hp` where a model declares its space, and passes each parameter on.

    Args:
        answer: From a parameter and its default to the value, or to None for the default.
    """

    def __init__(self, answer: Callable[[Parameter, Any], Any]) -> None:
        self.answer = answer
        self.scopes: tuple[Scope, ...] = ()

    def _declare(
        self,
        kind: str,
        name: str,
        arguments: tuple[Any, ...],
        default: Any,
        options: dict[str, Any],
    ) -> Any:
        described = tuple(sorted(options.items()))
        value = self.answer(Parameter(kind, name, arguments, described, self.scopes), default)
        return default if value is None else value  # None where the model isn't chosen.

    def Choice(  # noqa: N802
        self, name: str, values: Sequence[Any], *, default: Any = None, **options: Any
    ) -> Any:
        """Passes one of several values on."""
        default = values[0] if default is None else default
        return self._declare("Choice", name, (tuple(values),), default, options)

    def Int(  # noqa: N802
        self,
        name: str,
        min_value: int,
        max_value: int,
        *,
        default: int | None = None,
        **options: Any,
    ) -> int:
        """Passes a whole number on."""
        default = min_value if default is None else default
        return self._declare("Int", name, (min_value, max_value), default, options)

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        *,
        default: float | None = None,
        **options: Any,
    ) -> float:
        """Passes a number on."""
        default = min_value if default is None else default
        return self._declare("Float", name, (min_value, max_value), default, options)

    def Boolean(self, name: str, *, default: bool = False) -> bool:  # noqa: N802
        """Passes a switch on."""
        return self._declare("Boolean", name, (), default, {})

    @contextlib.contextmanager
    def conditional_scope(self, name: str, values: Sequence[Any]) -> Iterator[None]:
        """Opens a scope, which is noted with each parameter in it."""
        outer = self.scopes
        self.scopes = (*outer, (name, tuple(values)))
        try:
            yield
        finally:
            self.scopes = outer


def declare_together(
    hp: HyperParameters, choice: str, spaces: Mapping[str, Declare]
) -> dict[str, Any]:
    """Registers the spaces of several models, and returns what each of them answers.

    Args:
        hp: The hyper-parameters, among which `choice` is registered already.
        choice: The name of the hyper-parameter that chooses among the models.
        spaces: From each value of `choice` to a function that declares its space. Where its model
            isn't chosen, a function sees the defaults.
    """
    users: dict[Parameter, list[str]] = {}
    defaults: dict[Parameter, Any] = {}

    def note(model: str) -> Callable[[Parameter, Any], Any]:
        def answer(parameter: Parameter, default: Any) -> Any:
            users.setdefault(parameter, [])
            users[parameter] += [model] * (model not in users[parameter])
            return defaults.setdefault(parameter, default)

        return answer

    for model, declare in spaces.items():
        declare(Declarations(note(model)))

    def register(model: str) -> Callable[[Parameter, Any], Any]:
        def answer(parameter: Parameter, default: Any) -> Any:
            sharing = users.get(parameter, [model])
            conditions = [] if len(sharing) == len(spaces) else [(choice, tuple(sharing))]
            return parameter.register(hp, defaults.get(parameter, default), conditions)

        return answer

    return {model: declare(Declarations(register(model))) for model, declare in spaces.items()}
