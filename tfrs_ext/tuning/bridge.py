"""Makes keras-tuner search over Keras 2 models: the one file that knows how the two meet."""

import contextlib
import importlib
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


def _connect() -> Any:
    fresh = "keras_tuner" not in sys.modules
    try:
        with _keras_2_as_keras():
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
