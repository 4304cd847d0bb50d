"""The towers of a retriever, and what their scores are divided by."""

from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.layers import LearnableTemperature, Temperature
from tfrs_ext.typing import HyperParameters


def towers(hp: HyperParameters) -> dict[str, Any]:
    """Returns the widths, the depth and the dropout of `models.TwoTower`."""
    num_layers = hp.Int("num_layers", 0, 3, default=1)
    with hp.conditional_scope("num_layers", [1, 2, 3]):
        units = hp.Choice("hidden_units", [64, 128, 256, 512], default=128)
    return {
        "embedding_dim": hp.Choice("embedding_dim", [16, 32, 64, 128], default=64),
        "hidden_units": (units,) * num_layers,
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
    }


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
