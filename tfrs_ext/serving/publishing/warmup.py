"""Requests that TensorFlow Serving replays before it lets a version answer users."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)

from tfrs_ext.serving.publishing.manifest import FOLDER
from tfrs_ext.typing import PathLike, TensorLike

NAME = "tf_serving_warmup_requests"
_MOST = 1000
# The parts of TensorFlow Serving's messages that a request needs: (field, number, type).
_MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "ModelSpec": [("name", 1, "string"), ("signature_name", 3, "string")],
    # A map's entry; the tensor is kept in its serialized form, which is the same on the wire.
    "Input": [("key", 1, "string"), ("value", 2, "bytes")],
    "PredictRequest": [("model_spec", 1, "ModelSpec"), ("inputs", 2, "Input")],
    "PredictLog": [("request", 1, "PredictRequest")],
    "PredictionLog": [("predict_log", 6, "PredictLog")],
}


def _make_prediction_log() -> Any:
    # A pool of its own: tensorflow-serving-api registers the real messages in the default one.
    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="warmup.proto", package="warmup")
    field_type = descriptor_pb2.FieldDescriptorProto
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, kind in fields:
            field = described.field.add(name=name, number=number)
            repeated = kind == "Input"
            field.label = field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL
            if kind in ("string", "bytes"):
                field.type = getattr(field_type, f"TYPE_{kind.upper()}")
            else:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".warmup.{kind}"
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("warmup.PredictionLog"))


_PredictionLog = _make_prediction_log()
_TensorProto = type(tf.make_tensor_proto(0))


def write_warmup(
    path: PathLike,
    requests: Sequence[tuple[str, Mapping[str, TensorLike]]],
    model_name: str = "",
) -> pathlib.Path:
    """Writes `assets.extra/tf_serving_warmup_requests` into a version.

    A record that the model cannot answer stops the server from loading the version: replay what
    you write, as `export` does.

    Args:
        path: The version's folder.
        requests: Pairs of a signature's name and its inputs, tensors by name.
        model_name: The name that the server knows the model by.

    Returns:
        The file.

    Raises:
        ValueError: Where there are more than 1,000 requests, the server's limit.
    """
    if len(requests) > _MOST:
        raise ValueError(f"`requests` must be at most {_MOST}, received {len(requests)}.")
    file = pathlib.Path(path, FOLDER, NAME)
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, inputs in requests:
            log = _PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                proto = tf.make_tensor_proto(np.asarray(value))
                request.inputs.add(key=name, value=proto.SerializeToString())
            writer.write(log.SerializeToString(deterministic=True))
    return file


def read_warmup(path: PathLike) -> list[tuple[str, dict[str, Any]]]:
    """Returns the warm-up requests of a version: pairs of signature and arrays by name.

    Args:
        path: The version's folder.
    """
    file = pathlib.Path(path, FOLDER, NAME)
    requests: list[tuple[str, dict[str, Any]]] = []
    if not file.is_file():
        return requests
    for record in tf.data.TFRecordDataset(str(file)):
        request = _PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {
            entry.key: tf.make_ndarray(_TensorProto.FromString(entry.value))
            for entry in request.inputs
        }
        requests.append((request.model_spec.signature_name, inputs))
    return requests
