"""Which model retrieves, its arguments, and what its scores are divided by."""

from collections.abc import Sequence
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.features import Feature
from tfrs_ext.layers import LearnableTemperature, Temperature
from tfrs_ext.models import RETRIEVERS
from tfrs_ext.typing import Config, HyperParameters


def retriever(
    hp: HyperParameters,
    query_features: Sequence[Feature],
    candidate_features: Sequence[Feature],
    name: str = "two_tower",
) -> Config:
    """Returns the arguments that were searched of a model out of `models.RETRIEVERS`.

    Args:
        hp: The hyper-parameters.
        query_features: Columns of queries, with their facts.
        candidate_features: Columns of candidates; the first is the item id.
        name: The name of the model.
    """
    chosen = hp.Choice("model", [name], default=name)
    if chosen != name:  # A fixed value, of another model's search.
        raise ValueError(f"`model` must be {name!r}, as the hypermodel's, received {chosen!r}.")
    return RETRIEVERS[name].search_space(hp, query_features, candidate_features)


def temperature(hp: HyperParameters) -> Any:
    """Returns a temperature for unit-length embeddings: fixed, learned from there, or cooling."""
    value = hp.Float("temperature", 0.02, 0.5, sampling="log", default=0.1)
    kind = hp.Choice("temperature_kind", ["fixed", "learnable", "cooling"], default="fixed")
    with hp.conditional_scope("temperature_kind", ["cooling"]):
        steps = hp.Choice("decay_steps", [300, 1000, 3000, 10_000], default=1000)
    if kind == "learnable":
        return LearnableTemperature(value)
    if kind == "cooling":
        return Temperature(keras.optimizers.schedules.PolynomialDecay(0.5, steps, value))
    return value
