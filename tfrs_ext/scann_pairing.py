"""Says what to do where ScaNN doesn't fit the TensorFlow that is installed.

TFRS imports ScaNN with itself. A ScaNN whose operations were built for another TensorFlow fails
there with "undefined symbol", whatever a program wanted.
"""

import importlib.metadata
import importlib.util

import tensorflow as tf


def check_scann() -> None:
    """Imports ScaNN where it is installed; it costs nothing, since TFRS does so too.

    Raises:
        ImportError: It can't be loaded; the message names both versions and the mend.
    """
    if importlib.util.find_spec("scann") is None:
        return
    try:
        import scann  # noqa: F401
    except ModuleNotFoundError:
        return  # What ScaNN needs is missing: TFRS goes on without it.
    except (ImportError, OSError, tf.errors.OpError) as error:
        raise ImportError(
            f"ScaNN {_version()} doesn't fit TensorFlow {tf.__version__}, and TensorFlow "
            'Recommenders imports it: run `pip install "scann[tf]>=1.4.0,<1.5"`, which brings the '
            "TensorFlow that it was built for (none for 2.21), or `pip uninstall scann`. It said: "
            f"{(str(error).splitlines() or [type(error).__name__])[0]}"
        ) from error


def _version() -> str:
    try:
        return importlib.metadata.version("scann")
    except importlib.metadata.PackageNotFoundError:
        return "of an unknown version"


check_scann()
