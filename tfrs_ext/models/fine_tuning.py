"""Learning rates by the names of layers: what fine-tuning freezes, slows down and lets go."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Union

import tensorflow as tf

from tfrs_ext._keras import keras
from tfrs_ext.models.layer_paths import walk_layers, weights_of
from tfrs_ext.optimizers import LayerwiseRates


def weight_paths(model: keras.Model) -> dict[str, tuple[int, ...]]:
    """Returns the names of a model's weights, and their shapes.

    A name is the path of layers that leads to the weight, such as
    `query_model/features/user_id/embedding/embeddings`. Equal models have equal names. A weight
    that several layers share has several.

    Args:
        model: A model that is built.

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> from tfrs_ext.models import TwoTower
        >>> user, item = Categorical("user", (1, 2)), Categorical("item", (7, 8))
        >>> model = TwoTower.from_features([user], [item], embedding_dim=4, hidden_units=())
        >>> weight_paths(model)["query_model/features/user/embedding/embeddings"]
        (3, 4)
    """
    return {path: tuple(weight.shape) for path, weight in _walk_weights(model)}


def layerwise_rates(
    model: keras.Model,
    optimizer: Union[keras.optimizers.Optimizer, str],
    factors: Mapping[str, float],
) -> LayerwiseRates:
    """Returns an optimizer whose learning rate differs from layer to layer.

    `factor · rate`, by the most precise name that leads to a weight; 1 where no name does, and 0
    freezes. It goes to `compile`, and all else is as ever: `fit`, its callbacks, saved files.

    Args:
        model: A model that is built, as all of this package are that say which columns they read.
        optimizer: Any Keras optimizer or its name.
        factors: From names of layers or weights, such as `"query_model"` or
            `"query_model/features/user_id"`, to factors of 0 or more; `weight_paths` lists the
            names.

    Raises:
        ValueError: A name leads to no trainable weight, the model has none, or a factor doesn't
            fit.

    Relations:
        `warm_start` gives the model what another one has learnt. `docs/pretraining.md` shows both.

    Example:
        >>> from tfrs_ext.features import Categorical
        >>> from tfrs_ext.models import TwoTower
        >>> user, item = Categorical("user", (1, 2)), Categorical("item", (7, 8))
        >>> model = TwoTower.from_features([user], [item], embedding_dim=4, hidden_units=())
        >>> rates = layerwise_rates(model, "adam", {"candidate_model": 0, "query_model": 0.1})
        >>> model.compile(rates)
    """
    if not model.built or not model.trainable_variables:
        raise ValueError("`model` must have trainable weights, received none: call it once first.")
    paths: dict[int, list[str]] = {}
    for path, weight in _walk_weights(model):
        paths.setdefault(id(weight), []).append(path)
    weights = [paths.get(id(weight), []) for weight in model.trainable_variables]
    known = [path for found in weights for path in found]
    for name in factors:
        if not any(_leads(name, path) for path in known):
            near = difflib.get_close_matches(name, _prefixes(known), 3, 0.4)
            raise ValueError(
                f"`factors` must name layers that are trained, received {name!r}; there are "
                f"{', '.join(near or _prefixes(known)[:5])} and others: `models.weight_paths` "
                "lists them."
            )
    return LayerwiseRates(optimizer, [_factor_of(found, factors) for found in weights])


def _walk_weights(model: keras.Model) -> Iterator[tuple[str, tf.Variable]]:
    for path, layer in walk_layers(model):
        for name, weight in weights_of(layer).items():
            yield f"{path}/{name}".lstrip("/"), weight


def _leads(name: str, path: str) -> bool:
    return f"{path}/".startswith(f"{name.rstrip('/')}/")


def _prefixes(paths: list[str]) -> list[str]:
    """Returns the names of all layers that hold trainable weights, the outer ones first."""
    cuts = [path.split("/") for path in paths]
    found = {"/".join(parts[:end]) for parts in cuts for end in range(1, len(parts) + 1)}
    return sorted(found, key=lambda name: (name.count("/"), name))


def _factor_of(paths: list[str], factors: Mapping[str, float]) -> float:
    """Returns the factor of the longest name that leads to one of a weight's paths."""
    names = [name for name in factors if any(_leads(name, path) for path in paths)]
    return factors[max(names, key=len)] if names else 1.0
