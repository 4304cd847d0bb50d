"""The parts of a two-tower retriever."""

from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.layers import LearnableTemperature
from tfrs_ext.losses import CorrectedSampledSoftmax, SampledSoftmax
from tfrs_ext.negatives import Catalogue, InBatch, Mixed, Uniform


def towers(hp: Any) -> dict[str, Any]:
    """Returns the widths, the depth and the dropout of `models.TwoTower`."""
    num_layers = hp.Int("num_layers", 0, 3, default=1)
    units = hp.Choice("hidden_units", [64, 128, 256, 512], default=128)
    return {
        "embedding_dim": hp.Choice("embedding_dim", [16, 32, 64, 128], default=64),
        "hidden_units": (units,) * num_layers,
        "dropout": hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2),
    }


def temperature(hp: Any) -> Any:
    """Returns a temperature for unit-length embeddings: fixed, or learned from there."""
    value = hp.Float("temperature", 0.02, 0.5, sampling="log", default=0.1)
    if hp.Choice("temperature_kind", ["fixed", "learnable"], default="fixed") == "fixed":
        return value
    return LearnableTemperature(value)


def loss(hp: Any, *, has_frequency: bool = True) -> keras.losses.Loss:
    """Returns a softmax over negatives, with one of the corrections for how they are drawn.

    Args:
        hp: The hyper-parameters.
        has_frequency: Whether items' frequencies are known; nothing can be corrected otherwise.
    """
    if not has_frequency:
        return SampledSoftmax()
    kinds = ["corrected_logq", "logq", "none"]
    correction = hp.Choice("correction", kinds, default="corrected_logq")
    if correction == "corrected_logq":
        return CorrectedSampledSoftmax()
    return SampledSoftmax("logq" if correction == "logq" else None)


def negatives(hp: Any, frequency: Any, catalogue: Catalogue | None) -> Any:
    """Returns a source of negatives: the batch, alone or with items of the whole catalogue.

    Args:
        hp: The hyper-parameters.
        frequency: A layer from ids to log-probabilities, or None.
        catalogue: All items; None where uniform negatives can't be drawn.
    """
    in_batch = InBatch(frequency)
    if catalogue is None or frequency is None:
        return in_batch
    kind = hp.Choice("negatives", ["in_batch", "mixed"], default="in_batch")
    with hp.conditional_scope("negatives", ["mixed"]):
        number = hp.Choice("num_negatives", [256, 1024, 4096], default=1024)
    if kind == "in_batch":
        return in_batch
    return Mixed([in_batch, Uniform(catalogue, num_negatives=number, seed=0)])
