"""Which model ranks, and its arguments."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tfrs_ext.features import Feature
from tfrs_ext.models import RANKERS
from tfrs_ext.tuning.space.shared import declare_together
from tfrs_ext.typing import Config, HyperParameters


def ranker(
    hp: HyperParameters, features: Sequence[Feature], names: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Returns the name of a model out of `models.RANKERS`, and the arguments that were searched.

    All models' hyper-parameters are registered whichever is chosen, so that the first trial shows
    the whole space; those that several models declare alike are one.

    Args:
        hp: The hyper-parameters.
        features: The columns that the model reads.
        names: The models to choose from; the first is the default.
    """
    name = hp.Choice("model", list(names), default=names[0])
    if name not in names:  # A fixed value that isn't among the choices.
        raise ValueError(f"`model` must be one of {tuple(names)}, received {name!r}.")
    spaces = {
        known: functools.partial(_search, RANKERS[known].search_space, features) for known in names
    }
    return name, declare_together(hp, "model", spaces)[name]


def _search(
    search_space: Callable[..., Config], features: Sequence[Feature], hp: HyperParameters
) -> dict[str, Any]:
    return search_space(hp, features)
