"""The one decision about which Keras this package runs on: Keras 2, as TFRS does."""

import os
import sys

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

__all__ = ["keras"]
