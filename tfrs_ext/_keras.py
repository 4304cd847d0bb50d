"""The one decision about which Keras this package runs on: Keras 2, as TFRS does."""

import functools
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

_VARIABLE = "TF_USE_LEGACY_KERAS"
_MEND = (
    f"tfrs_ext needs Keras 2 (tf_keras), as TensorFlow Recommenders does, but {{found}}: "
    f"import tfrs_ext before tensorflow, or set {_VARIABLE}=1 before Python starts."
)


def _turn_keras_2_on() -> None:
    if os.environ.get(_VARIABLE, "1") not in ("1", "true", "True"):
        found = f"{_VARIABLE}={os.environ[_VARIABLE]} asks for Keras 3"
        raise ImportError(_MEND.format(found=found))
    if "tensorflow" in sys.modules and _VARIABLE not in os.environ:
        raise ImportError(_MEND.format(found="tensorflow was already imported with Keras 3"))
    os.environ[_VARIABLE] = "1"


_turn_keras_2_on()

import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

if tf.keras.layers.Layer is not keras.layers.Layer:
    raise ImportError(_MEND.format(found="tensorflow was already imported with Keras 3"))


def _trace_functions_as_written() -> None:
    # AutoGraph rewrites Python's `if` and `for` over tensors when a function is traced. No function
    # of this package has any, and rewriting them all takes half the time of a first step. Layers
    # and models that users write are rewritten as ever.
    try:
        from tensorflow.python.autograph.core import config

        config.CONVERSION_RULES = (config.DoNotConvert("tfrs_ext"), *config.CONVERSION_RULES)
    except (ImportError, AttributeError):
        pass  # TensorFlow keeps this elsewhere: a first step takes longer, nothing else.


_trace_functions_as_written()


def _keep_messages_of_layers() -> None:
    # Keras puts the message of an error that a layer raises between lines of its own. What a layer
    # of this package refuses is said in one line; other errors, and other layers, are as ever.
    try:
        from tf_keras.src.utils import traceback_utils

        keras_injects = traceback_utils.inject_argument_info_in_traceback
    except (ImportError, AttributeError):
        return  # Keras keeps this elsewhere: its lines stay, nothing else.

    def inject(function: Callable[..., Any], object_name: str | None = None) -> Any:
        is_ours = str(getattr(function, "__module__", "")).startswith("tfrs_ext.")
        return keras_injects(mark_errors(function) if is_ours else function, object_name)

    traceback_utils.inject_argument_info_in_traceback = inject


def mark_errors(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function; errors of this package in it reach the user in their own words."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if _module_that_raised(error).startswith("tfrs_ext."):
                # So Keras knows an error to which a layer within has added its lines.
                error._keras_call_info_injected = True  # type: ignore[attr-defined]
                # So TensorFlow knows an error that it shall not write anew, "in user code", while
                # it traces the step of `fit`.
                error.ag_pass_through = True  # type: ignore[attr-defined]
            raise

    return call


def _module_that_raised(error: Exception) -> str:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", ""))


_keep_messages_of_layers()

__all__ = ["keras", "mark_errors"]
