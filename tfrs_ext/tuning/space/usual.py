"""Defaults of a model's own in a space that all models share."""

from collections.abc import Mapping
from typing import Any

from tfrs_ext.tuning.bridge import keras_tuner
from tfrs_ext.tuning.space.shared import Declarations, Parameter
from tfrs_ext.typing import HyperParameters


def with_defaults(hp: keras_tuner.HyperParameters, defaults: Mapping[str, Any]) -> HyperParameters:
    """Returns what stands for `hp`, with other defaults for some hyper-parameters.

    Args:
        hp: The hyper-parameters, in which all are registered.
        defaults: From names to defaults, such as `models.TwoTower.usual_values`.

    Raises:
        ValueError: When a choice is registered that has no such value.
    """

    def answer(parameter: Parameter, default: Any) -> Any:
        usual = defaults.get(parameter.name, default)
        if parameter.kind != "Choice" or usual in parameter.arguments[0]:
            return parameter.register(hp, usual)
        if parameter.name in hp.values:
            return parameter.register(hp, default)
        raise ValueError(
            f"`{parameter.name}` must be one of {parameter.arguments[0]}, received {usual!r}, "
            "which is the model's usual value: give the hypermodel the facts that it needs, such "
            "as `catalogue`, or fix another value."
        )

    return Declarations(answer)
