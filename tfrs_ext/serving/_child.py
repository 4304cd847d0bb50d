"""Answers requests from a bundle with TensorFlow alone; run as a script in a fresh interpreter.

Reads one JSON object from the file named first and writes one to the file named second. This
text is passed to `python -c`: it must not import the package that it checks.
"""

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from typing import Any


def scann_library() -> str:
    """Returns the path of ScaNN's operations, without importing the scann package."""
    found = importlib.util.find_spec("scann")
    if found is None or not found.origin:
        raise SystemExit(
            "This bundle holds a ScaNN index and needs ScaNN's operations: "
            'pip install "tfrs-ext[scann]"'
        )
    return os.path.join(os.path.dirname(found.origin), "scann_ops", "cc", "_scann_ops.so")


def plain(value: Any) -> Any:
    """Returns an array as nested lists; bytes as text."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def array(values: Any, dtype: Any, rank: int) -> Any:
    """Returns nested lists as an array of the signature's dtype."""
    import numpy as np

    if dtype.name == "string":
        result = np.array(values, dtype=object)
        flat = [str(v).encode("utf-8", "surrogateescape") for v in result.reshape(-1)]
        shape = result.shape if result.ndim >= rank else (*result.shape, 0)
        filled = np.empty(len(flat), dtype=object)
        filled[:] = flat
        return filled.reshape(shape)
    return np.array(values, dtype=dtype.as_numpy_dtype)


def through_load(path: str, requests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Answers as Python programs do: `tf.saved_model.load`."""
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    for request in requests:
        signature = loaded.signatures[request["signature"]]
        specs = signature.structured_input_signature[1]
        inputs = {
            name: tf.constant(array(values, specs[name].dtype, specs[name].shape.rank))
            for name, values in request["inputs"].items()
        }
        yield {name: value.numpy() for name, value in signature(**inputs).items()}


def through_session(path: str, requests: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Answers as TensorFlow Serving does: a session over the graph."""
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        meta = tf.compat.v1.saved_model.load(session, ["serve"], path)
        for request in requests:
            signature = meta.signature_def[request["signature"]]
            feeds = {}
            for name, values in request["inputs"].items():
                info = signature.inputs[name]
                rank = len(info.tensor_shape.dim)
                feeds[info.name] = array(values, tf.dtypes.as_dtype(info.dtype), rank)
            outputs = {name: info.name for name, info in signature.outputs.items()}
            yield session.run(outputs, feeds)


def main(source: str, target: str) -> None:
    """Answers the requests in `source` into `target`."""
    with open(source, encoding="utf-8") as file:
        job = json.load(file)
    import tensorflow as tf

    if job["scann"]:
        tf.load_op_library(scann_library())
    answer = {"load": through_load, "session": through_session}[job["through"]]
    answers = [
        {name: plain(value.tolist()) for name, value in outputs.items()}
        for outputs in answer(job["path"], job["requests"])
    ]
    foreign = sorted({"tfrs_ext", "tensorflow_recommenders"} & set(sys.modules))
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"answers": answers, "foreign": foreign}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
