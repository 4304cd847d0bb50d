"""Hyper-parameters that are what a dict says."""

from collections.abc import Mapping
from typing import Any

from tfrs_ext.tuning.bridge import keras_tuner


def fixed(values: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    """Returns `HyperParameters` that hold these values, and the defaults for all others.

    Args:
        values: By name, such as `SearchResult.best`, or what was read from JSON.

    Returns:
        What a hypermodel's `build` and `fit` take.

    Example:
        >>> from tfrs_ext import tuning
        >>> hp = tuning.fixed({"embedding_dim": 16})
        >>> tuning.space.towers(hp)["embedding_dim"], tuning.space.batch_size(hp)
        (16, 1024)
    """
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return hp
