"""Losses, layers, models, tuning and serving for TensorFlow Recommenders, as a Keras plugin."""

import importlib
from typing import TYPE_CHECKING, Any

from tfrs_ext import _keras as _keras  # Chooses Keras 2 before anything imports TensorFlow.
from tfrs_ext._version import __version__ as __version__

if TYPE_CHECKING:
    from tfrs_ext import (
        bandits,
        baselines,
        callbacks,
        candidates,
        data,
        evaluation,
        features,
        files,
        frequencies,
        indexes,
        layers,
        losses,
        metrics,
        models,
        negatives,
        ops,
        optimizers,
        regularizers,
        report,
        serving,
        tasks,
        training,
        tuning,
        typing,
    )

__all__ = [
    "bandits",
    "baselines",
    "callbacks",
    "candidates",
    "data",
    "evaluation",
    "features",
    "files",
    "frequencies",
    "indexes",
    "layers",
    "losses",
    "metrics",
    "models",
    "negatives",
    "ops",
    "optimizers",
    "regularizers",
    "report",
    "serving",
    "tasks",
    "training",
    "tuning",
    "typing",
]


def __getattr__(name: str) -> Any:
    # Subpackages load when they are first used: pandas, keras-tuner and ScaNN cost seconds.
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
