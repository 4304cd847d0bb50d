"""Models under names, which a user's own may join: what all registries have in common."""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from tfrs_ext.typing import Config

Model = TypeVar("Model")


@dataclasses.dataclass(frozen=True)
class Variant(Generic[Model]):
    """A model under a name: its class, the arguments that are fixed, and what is searched.

    Attributes:
        model: The class.
        search_space: A function from hyper-parameters, and the columns where the class reads any,
            to arguments of the class.
        arguments: Arguments of the class that this variant fixes.
    """

    model: type[Model]
    search_space: Callable[..., Config]
    arguments: Config


def check_variant(name: str, model: type[Any], base: type[Any]) -> None:
    """Refuses what a registry can't hold.

    Args:
        name: The name; it becomes a part of layers' names.
        model: The class.
        base: The class that it must be, or inherit from.

    Raises:
        ValueError: `model` is no subclass of `base`, or `name` no name for a layer.
    """
    if not (isinstance(model, type) and issubclass(model, base)):
        package = base.__module__.split(".")[1]
        raise ValueError(
            f"`model` must be a subclass of `{package}.{base.__name__}`, received {model}."
        )
    if not name.isidentifier():
        raise ValueError(
            f"`name` must be letters, digits and underscores, no digit first, received {name!r}."
        )
