"""Losses, layers, models, tuning and serving for TensorFlow Recommenders, as a Keras plugin."""

import importlib
from typing import TYPE_CHECKING, Any

from tfrs_ext import _keras as _keras  # Chooses Keras 2 before anything imports TensorFlow.
from tfrs_ext import scann_pairing as _scann_pairing  # Before TFRS, which would fail on its own.
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
        reranking,
        serving,
        stages,
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
    "reranking",
    "serving",
    "stages",
    "tasks",
    "training",
    "tuning",
    "typing",
]


# Keras finds classes in files by the names that they were registered under: importing the package
# must be enough to load what it saved. These load in a tenth of TensorFlow's time.
for _room in (
    "baselines",
    "features",
    "frequencies",
    "indexes",
    "layers",
    "losses",
    "metrics",
    "models",
    "negatives",
    "optimizers",
    "regularizers",
    "tasks",
):
    importlib.import_module(f"{__name__}.{_room}")


if not TYPE_CHECKING:  # Type checkers know the names above, and no others.

    def __getattr__(name: str) -> Any:
        # The others load when they are first used: keras-tuner, scikit-learn and rich cost seconds.
        if name in __all__:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
