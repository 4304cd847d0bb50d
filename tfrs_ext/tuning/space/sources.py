"""Where a retriever's negatives come from."""

from collections.abc import Mapping
from typing import Any

from tfrs_ext._keras import keras
from tfrs_ext.negatives import (
    Catalogue,
    CrossReplica,
    InBatch,
    MemoryQueue,
    Mixed,
    Popularity,
    Source,
    Uniform,
    WholeCatalogue,
)
from tfrs_ext.typing import HyperParameters

_DRAWN = ("mixed", "uniform", "popularity")


def negatives(
    hp: HyperParameters,
    frequency: keras.layers.Layer | None = None,
    catalogue: Catalogue | None = None,
    *,
    item_counts: Mapping[Any, float] | None = None,
    embedding_dim: int | None = None,
    id_dtype: str = "int64",
    whole: bool = False,
) -> Any:
    """Returns a source of negatives: by default the batch.

    The others are the batch with a memory of earlier ones; items drawn from the catalogue,
    uniformly or by popularity; and `mixed`, the batch with uniform ones.

    The batch is the global one where a `tf.distribute` strategy shares it out.

    Args:
        hp: The hyper-parameters.
        frequency: A layer from ids to log-probabilities, or None: then nothing is mixed.
        catalogue: All items; None where negatives can't be drawn.
        item_counts: From item id to its count, to draw by popularity; None where it isn't known.
        embedding_dim: Width of the towers' outputs, for the memory; None leaves it out.
        id_dtype: The dtype of the item ids: `"int64"` or `"string"`.
        whole: Whether the whole catalogue is taken whatever else is chosen, for the full softmax.
    """
    kinds = ["in_batch"] + ["memory_queue"] * (embedding_dim is not None)
    if catalogue is not None:
        kinds += ["uniform"] + ["mixed"] * (frequency is not None)
        kinds += ["popularity"] * (item_counts is not None)
    if len(kinds) == 1:
        return _in_batch(frequency)
    kind = hp.Choice("negatives", kinds, default="in_batch")
    capacity = _capacity(hp) if "memory_queue" in kinds else 0
    number, power = _draws(hp, kinds) if catalogue is not None else (0, 0.0)
    if whole:
        return WholeCatalogue(catalogue)
    width = embedding_dim or 0
    sources = {
        "in_batch": lambda: _in_batch(frequency),
        "memory_queue": lambda: MemoryQueue(
            capacity, width, _in_batch(frequency), id_dtype=id_dtype
        ),
        "uniform": lambda: Uniform(catalogue, number, seed=0),
        "mixed": lambda: Mixed([_in_batch(frequency), Uniform(catalogue, number, seed=0)]),
        "popularity": lambda: Popularity(
            catalogue, _in_order(catalogue, item_counts or {}), number, power, seed=0
        ),
    }
    return sources[kind]()


def _in_batch(frequency: keras.layers.Layer | None) -> Source:
    return CrossReplica(InBatch(frequency))


def _capacity(hp: HyperParameters) -> int:
    with hp.conditional_scope("negatives", ["memory_queue"]):
        return hp.Choice("capacity", [2048, 8192, 32_768], default=8192)


def _draws(hp: HyperParameters, kinds: list[str]) -> tuple[int, float]:
    with hp.conditional_scope("negatives", [kind for kind in kinds if kind in _DRAWN]):
        number = hp.Choice("num_negatives", [256, 1024, 4096], default=1024)
    if "popularity" not in kinds:
        return number, 0.0  # A condition that can't be met confuses keras-tuner.
    with hp.conditional_scope("negatives", ["popularity"]):
        return number, hp.Choice("power", [0.5, 0.75, 1.0], default=0.75)


def _in_order(catalogue: Any, item_counts: Mapping[Any, float]) -> list[float]:
    ids = (i.decode() if isinstance(i, bytes) else i for i in catalogue.ids.numpy().tolist())
    return [item_counts.get(i, 0.0) for i in ids]
