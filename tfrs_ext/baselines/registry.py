"""The registry of baselines by name."""

import dataclasses
from collections.abc import Callable
from typing import Any

from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.typing import Config, HyperParameters

SearchSpace = Callable[[HyperParameters], Config]


@dataclasses.dataclass(frozen=True)
class BaselineVariant:
    """A baseline under a name: its class, the arguments that are fixed, and what is searched.

    Attributes:
        model: The class.
        search_space: A function from hyper-parameters to arguments of the class.
        arguments: Arguments of the class that this variant fixes.
    """

    model: type[Baseline]
    search_space: SearchSpace
    arguments: Config

    def build(self, num_candidates: int, **arguments: Any) -> Baseline:
        """Returns the baseline, which has learnt nothing yet.

        Args:
            num_candidates: The number of candidates, C.
            **arguments: Further arguments of the class.
        """
        return self.model(num_candidates, **{**self.arguments, **arguments})


BASELINES: dict[str, BaselineVariant] = {}
"""All variants by name; `register_baseline` adds to them."""


def register_baseline(
    name: str,
    model: type[Baseline],
    search_space: SearchSpace | None = None,
    **arguments: Any,
) -> None:
    """Adds a baseline to those that `make_baseline` and the recipe know by name.

    Args:
        name: The name, such as `"successors"`; a name that is taken is replaced.
        model: A subclass of `Baseline`.
        search_space: A function from hyper-parameters to arguments of `model`, in place of the
            class's own.
        **arguments: Arguments of `model` that this name fixes.

    Raises:
        ValueError: `model` is no subclass of `Baseline`, or `name` no name for a layer.

    Relations:
        `models.register_retriever` does this for models that are trained.

    Example:
        >>> from tfrs_ext.baselines import BASELINES, ItemToItemBaseline, register_baseline
        >>> register_baseline("twenty", ItemToItemBaseline, neighbors=20)
        >>> BASELINES.pop("twenty").arguments
        {'neighbors': 20}
    """
    if not (isinstance(model, type) and issubclass(model, Baseline)):
        raise ValueError(f"`model` must be a subclass of `baselines.Baseline`, received {model}.")
    if not name.isidentifier():
        raise ValueError(
            f"`name` must be letters, digits and underscores, no digit first, received {name!r}."
        )
    BASELINES[name] = BaselineVariant(model, search_space or model.search_space, arguments)


def make_baseline(name: str, num_candidates: int, **arguments: Any) -> Baseline:
    """Returns the baseline of a name, which has learnt nothing yet.

    Args:
        name: One of `BASELINES`.
        num_candidates: The number of candidates, C.
        **arguments: Further arguments of its class.

    Raises:
        ValueError: There is no baseline of that name.

    Example:
        >>> from tfrs_ext.baselines import make_baseline
        >>> make_baseline("item_to_item", 100, shrinkage=10.0).neighbors
        100
    """
    if name not in BASELINES:
        raise ValueError(f"`name` must be one of {', '.join(BASELINES)}, received {name!r}.")
    return BASELINES[name].build(num_candidates, **arguments)
