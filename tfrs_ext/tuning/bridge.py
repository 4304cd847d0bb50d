"""Makes keras-tuner search over Keras 2 models: the one file that knows how the two meet."""

import contextlib
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tfrs_ext._keras import keras
from tfrs_ext.tuning.repairs import repair

_MISSING = 'tfrs_ext.tuning needs {name}: pip install "tfrs-ext[tune]"'
_WRONG_KERAS = (
    "tfrs_ext.tuning needs keras_tuner on Keras 2, but keras_tuner was already imported with "
    "Keras 3: import tfrs_ext.tuning before keras_tuner."
)


def _take_out(package: str) -> dict[str, types.ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] == package]
    return {name: sys.modules.pop(name) for name in names}


@contextlib.contextmanager
def _keras_2_as_keras() -> Iterator[None]:
    # keras-tuner decides by `import keras`; everybody else's `keras` must come back as it was.
    theirs = _take_out("keras")
    sys.modules["keras"] = keras
    try:
        yield
    finally:
        _take_out("keras")
        sys.modules.update(theirs)


class _WhenUsed(types.ModuleType):
    """Stands for scikit-learn, which takes a second to import, until a search uses it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return importlib.import_module(f"{self.__name__}.{name}")


@contextlib.contextmanager
def _sklearn_when_used() -> Iterator[None]:
    if "sklearn" in sys.modules or importlib.util.find_spec("sklearn") is None:
        yield
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment] # keras-tuner goes on without it.
    try:
        yield
    finally:
        del sys.modules["sklearn"]
    for name in ("bayesian", "sklearn_tuner"):
        module: Any = importlib.import_module(f"keras_tuner.src.tuners.{name}")
        module.sklearn = _WhenUsed("sklearn")


def _connect() -> Any:
    fresh = "keras_tuner" not in sys.modules
    try:
        with _keras_2_as_keras(), _sklearn_when_used():
            module = importlib.import_module("keras_tuner")
    except ModuleNotFoundError as error:
        _take_out("keras_tuner")
        raise ImportError(_MISSING.format(name=error.name)) from None
    callback = importlib.import_module("keras_tuner.src.engine.tuner_utils").TunerCallback
    if not issubclass(callback, keras.callbacks.Callback):
        if fresh:
            _take_out("keras_tuner")
        raise ImportError(_WRONG_KERAS)
    repair()
    return module


if TYPE_CHECKING:
    import keras_tuner as keras_tuner
else:
    keras_tuner = _connect()
