"""What the server tells about models and versions."""

from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from tfrs_ext.serving.rest.errors import RequestError
from tfrs_ext.serving.rest.servable import Servable
from tfrs_ext.serving.rest.served_model import ServedModel
from tfrs_ext.serving.rest.tensors import TensorSpec

_MAP = "type.googleapis.com/tensorflow.serving.SignatureDefMap"


def status(model: ServedModel, version: int | None) -> dict[str, Any]:
    """Returns the states of versions, as `GET /v1/models/NAME` answers.

    Args:
        model: The model.
        version: The one version to tell of; None tells of all.

    Raises:
        RequestError: Where there is none.
    """
    states = model.states()
    if version is not None:
        states = {n: reason for n, reason in states.items() if n == version}
    if not states:
        raise RequestError("Could not find any versions of the model.", 404)
    return {
        "model_version_status": [
            {
                "version": str(number),
                "state": "AVAILABLE" if reason is None else "END",
                "status": {
                    "error_code": "OK" if reason is None else "UNKNOWN",
                    "error_message": reason or "",
                },
            }
            for number, reason in states.items()
        ]
    }


def metadata(name: str, version: int, servable: Servable) -> dict[str, Any]:
    """Returns the signatures, as `GET /v1/models/NAME/metadata` answers.

    Args:
        name: The model's.
        version: Its number.
        servable: The loaded version.
    """
    definitions = {
        signature: {
            "inputs": _tensors(servable.inputs[signature]),
            "outputs": _tensors(servable.outputs[signature]),
            "method_name": "tensorflow/serving/predict",
        }
        for signature in servable.inputs
    }
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(version)},
        "metadata": {"signature_def": {"@type": _MAP, "signature_def": definitions}},
    }


def _tensors(specs: dict[str, TensorSpec]) -> dict[str, Any]:
    return {
        name: {
            "dtype": _enum(spec.dtype),
            "tensor_shape": {
                "dim": [{"size": str(-1 if n is None else n), "name": ""} for n in spec.shape],
                "unknown_rank": False,
            },
            "name": spec.tensor,
        }
        for name, spec in specs.items()
    }


def _enum(dtype: npt.DTypeLike) -> str:
    kind = tf.string if np.dtype(dtype).kind == "O" else tf.dtypes.as_dtype(dtype)
    return str(types_pb2.DataType.Name(kind.as_datatype_enum))
