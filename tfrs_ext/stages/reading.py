"""Which columns a model reads."""

from collections.abc import Mapping

import tensorflow as tf


def names_read(model: object) -> tuple[str, ...] | None:
    """Returns the names of the columns that a model reads, None where it doesn't say."""
    features = getattr(model, "features", None)
    return None if features is None else tuple(feature.name for feature in features)


def columns_read(model: object, columns: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns the columns that a model reads, all of them where it doesn't say."""
    names = names_read(model)
    return {name: columns[name] for name in (columns if names is None else names)}
