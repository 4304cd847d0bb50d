"""The registry of baselines by name."""

from collections.abc import Callable
from typing import Any

from tfrs_ext.baselines.baseline import Baseline
from tfrs_ext.typing import Config, HyperParameters
from tfrs_ext.variants import Variant, check_variant

SearchSpace = Callable[[HyperParameters], Config]


class BaselineVariant(Variant[Baseline]):
    """A baseline under a name."""

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
    check_variant(name, model, Baseline)
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
