"""Makes keras-tuner search over Keras 2 models: the one file that knows how the two meet."""

import contextlib
import importlib
import importlib.abc
import importlib.util
import sys
import threading
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


class _WithoutSklearn(importlib.abc.MetaPathFinder):
    """Lets one thread, and no other, find no scikit-learn: keras-tuner goes on without it."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Raises where the thread asks for scikit-learn, and leaves all else to other finders."""
        if fullname == "sklearn" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")


@contextlib.contextmanager
def _sklearn_later() -> Iterator[None]:
    finder = _WithoutSklearn()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _offer_sklearn() -> None:
    """Gives scikit-learn, when it is used, to the modules of keras-tuner that found none."""
    if "sklearn" not in sys.modules and importlib.util.find_spec("sklearn") is None:
        return
    for name, module in list(sys.modules.items()):
        if name.startswith("keras_tuner.") and vars(module).get("sklearn", module) is None:
            vars(module)["sklearn"] = _WhenUsed("sklearn")


def _connect() -> Any:
    fresh = "keras_tuner" not in sys.modules
    try:
        with _keras_2_as_keras(), _sklearn_later():
            module = importlib.import_module("keras_tuner")
    except ModuleNotFoundError as error:
        _take_out("keras_tuner")
        raise ImportError(_MISSING.format(name=error.name)) from None
    callback = importlib.import_module("keras_tuner.src.engine.tuner_utils").TunerCallback
    if not issubclass(callback, keras.callbacks.Callback):
        if fresh:
            _take_out("keras_tuner")
        raise ImportError(_WRONG_KERAS)
    _offer_sklearn()
    repair()
    return module


if TYPE_CHECKING:
    import keras_tuner as keras_tuner
else:
    keras_tuner = _connect()
