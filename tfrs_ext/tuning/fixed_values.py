"""Hyper-parameters that are what a dict says."""

from collections.abc import Mapping
from typing import Any

from tfrs_ext.tuning.bridge import keras_tuner


class FixedHyperParameters(keras_tuner.HyperParameters):
    """Hyper-parameters whose values were given, and which know afterwards what nobody asked for."""

    def check_names(self) -> None:
        """Raises `ValueError` where a value was given that no hyper-parameter has the name of."""
        known = {parameter.name for parameter in self.space}
        unknown = sorted(name for name in set(self.values) - known if not name.startswith("tuner/"))
        if unknown:
            raise ValueError(
                f"`values` must be of hyper-parameters of this search, {sorted(known)}, received "
                f"unknown ones: {unknown}. A hypermodel of your own that reads them in `fit` "
                "registers them in `declare_hyperparameters`."
            )


def fixed(values: Mapping[str, Any]) -> FixedHyperParameters:
    """Returns `HyperParameters` that hold these values, and the defaults for all others.

    Our hypermodels refuse names that they don't have when they build with them.

    Args:
        values: Values by name, such as `SearchResult.best`, or what was read from JSON.

    Returns:
        What a hypermodel's `build` and `fit` take.

    Example:
        >>> from tfrs_ext import tuning
        >>> hp = tuning.fixed({"temperature": 0.2})
        >>> tuning.space.temperature(hp), tuning.space.batch_size(hp)
        (0.2, 1024)
    """
    hp = FixedHyperParameters()
    hp.values.update(values)
    return hp
